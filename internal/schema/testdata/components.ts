/** Who can sign in. */
export interface Account {
  /**
   * Never changes.
   * A number is exact up to 2^53.
   * @example 7
   */
  id: number;
  /**
   * What others see,
   * and *\/ search for.
   * @example "ann"
   */
  name: string;
  email: string | null;
  /** @example "user" */
  role: string;
  age: number;
  share: number | null;
  /** @example ["a","b"] */
  tags: string[] | null;
  limits?: Record<string, number>;
  names: Names | null;
  /** Between two mails. In nanoseconds. */
  wait: number;
  password: string;
  site: string;
  odd: string;
  /** As in dark mode. */
  shade: Shade | null;
  where: SchemaTestPoint;
  friends?: Account[];
  param: string;
}

export interface AccountInput {
  Same: SchemaTestPoint;
  Page: PagePageListPoint;
}

export interface AccountInputInput {
  Same?: SchemaTestPointInput;
  Page?: PagePageListPointInput;
}

export interface ImagePoint {
  X: number;
  Y: number;
}

export interface ImagePointInput {
  X?: number;
  Y?: number;
}

export type Names = string[];

export interface PageListPoint {
  items: (SchemaTestPoint[] | null)[] | null;
  Next: number | null;
}

export interface PageListPointInput {
  items?: SchemaTestPointInput[][];
  Next?: number | null;
}

export interface PagePageListPoint {
  items: PageListPoint[] | null;
  Next: number | null;
}

export interface PagePageListPointInput {
  items?: PageListPointInput[];
  Next?: number | null;
}

export interface PagePointerInt {
  items: (number | null)[] | null;
  Next: number | null;
}

export interface PagePointerIntInput {
  items?: (number | null)[];
  Next?: number | null;
}

/** Who can sign in. */
export interface SchemaTestAccountInput {
  /**
   * Never changes.
   * A number is exact up to 2^53.
   * @example 7
   */
  id?: number;
  /**
   * What others see,
   * and *\/ search for.
   * @example "ann"
   */
  name: string;
  email: string;
  /** @example "user" */
  role?: "admin" | "user";
  age?: number;
  share?: number | null;
  /** @example ["a","b"] */
  tags: string[];
  limits?: Record<string, number>;
  names?: Names;
  /** Between two mails. In nanoseconds. */
  wait?: number;
  password: string;
  site?: string;
  odd?: string;
  /** As in dark mode. */
  shade: Shade;
  where: SchemaTestPointInput;
  friends?: SchemaTestAccountInput[];
}

export interface SchemaTestPageImagePoint {
  items: ImagePoint[] | null;
  Next: number | null;
}

export interface SchemaTestPageImagePointInput {
  items?: ImagePointInput[];
  Next?: number | null;
}

export interface SchemaTestPageSchemaTestPoint {
  items: SchemaTestPoint[] | null;
  Next: number | null;
}

export interface SchemaTestPageSchemaTestPointInput {
  items?: SchemaTestPointInput[];
  Next?: number | null;
}

export interface SchemaTestPoint {
  X: number;
  Y: number;
}

export interface SchemaTestPointInput {
  X?: number;
  Y?: number;
}

export type Shade = "light" | "dark";
