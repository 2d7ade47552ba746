export interface All {
  Outer: Outer;
  Forest: Forest | null;
  Matrix: Matrix | null;
  Level: Level;
  Size: Size | null;
  Sealed: Sealed;
  Clash: Clash;
  Twice: Twice;
  Code: Code;
  List: List | null;
  Zeroes?: Zeroes | null;
  Long: string;
  Truth?: "true" | "false";
  /** JSON in a string. */
  Text: string;
  "-": number;
  Date?: string;
  Array: [number, number];
  None?: [];
}

export interface Base {
  /** A number is exact up to 2^53. */
  id: number;
  Same: string;
  Kept?: string;
}

export interface Clash {
  A: number;
  B: number;
}

export interface Code {
  N: number;
}

export type Forest = { [key: string]: Forest | null };

export type Level = "low" | "high";

export type List = (List | null)[];

export type Matrix = (number[] | null)[];

export interface Outer {
  /** A number is exact up to 2^53. */
  id: number;
  Kept?: string;
  Other: boolean;
  Seen: number;
  Deepest?: string[] | null;
  named: Base;
  when: string;
  until?: string;
  raw: unknown;
  Map: Record<string, number[] | null> | null;
  Grid: [[number, number], [number, number]];
  Back: Outer | null;
}

export interface Sealed {
  Seen?: number;
  X: boolean;
}

export type Size = 1 | 2;

export interface Twice {
  Own: boolean;
}

export type Zeroes = number[];
