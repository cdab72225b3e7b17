/** The page's logic without a view: data in, numbers and words out. */
export * from "./course";
export * from "./crew";
export * from "./decode";
export * from "./duration";
export * from "./filter";
export * from "./fold";
export * as format from "./format";
export * from "./link";
export * from "./model";
export * from "./plan";
export * from "./run";
export * from "./saturation";
export * from "./series";
export * from "./sort";
export * from "./wire";
