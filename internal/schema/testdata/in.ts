export interface All {
  Outer?: Outer;
  Forest?: Forest;
  Matrix?: Matrix;
  Level?: Level;
  Size?: Size | null;
  Sealed?: Sealed;
  Clash?: Clash;
  Twice?: Twice;
  Code?: Code;
  List?: List;
  Zeroes?: Zeroes;
  Long?: string;
  Truth?: "true" | "false" | null;
  /** JSON in a string. */
  Text?: string;
  "-"?: number;
  Date?: string;
  Array?: [number, number];
  None?: [];
}

export interface Base {
  /** A number is exact up to 2^53. */
  id?: number;
  Same?: string;
  Kept?: string;
}

export interface Clash {
  A?: number;
  B?: number;
}

export interface Code {
  N?: number;
}

export type Forest = { [key: string]: Forest };

export type Level = "low" | "high";

export type List = List[];

export type Matrix = number[][];

export interface Outer {
  /** A number is exact up to 2^53. */
  id?: number;
  Kept?: string;
  Other?: boolean;
  Seen?: number;
  Deepest?: string[];
  named?: Base;
  when?: string;
  until?: string | null;
  raw?: unknown;
  Map?: Record<string, number[]>;
  Grid?: [[number, number], [number, number]];
  Back?: Outer | null;
}

export interface Sealed {
  X?: boolean;
}

export type Size = 1 | 2;

export interface Twice {
  Own?: boolean;
}

export type Zeroes = number[];
