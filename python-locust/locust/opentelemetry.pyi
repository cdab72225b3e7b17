from katydid.opentelemetry import *
