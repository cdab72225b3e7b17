"""``locust`` on disk: hands over to what Katydid's own command uses, so that both are one mechanism."""

import importlib
import sys

from katydid import _aliases

_aliases.install()
# From here on the name is answered by the finder: the importing script gets the module that the finder makes.
del sys.modules[__name__]
importlib.import_module(__name__)
