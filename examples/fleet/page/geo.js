// Positions on the earth and how they are said.

const EQUATOR_M = 40_075_016.686;
const RAD = Math.PI / 180;

/** Web Mercator: the world as a square from (0, 0), north-west, to (1, 1). */
export const worldX = (lon) => lon / 360 + 0.5;
export const worldY = (lat) => {
  const sin = Math.sin(Math.max(-85, Math.min(85, lat)) * RAD);
  return 0.5 - Math.log((1 + sin) / (1 - sin)) / (4 * Math.PI);
};
export const longitude = (x) => (x - 0.5) * 360;
export const latitude = (y) => Math.atan(Math.sinh(Math.PI * (1 - 2 * y))) / RAD;

/** Metres for one unit of the world's square, at this latitude. */
export const metresPerWorld = (lat) => EQUATOR_M * Math.cos(lat * RAD);

/** The bounds that hold nearly all of the points; a stray one in another state must not shrink the city. */
export function bounds(points, keep = 0.97) {
  if (points.length === 0) return null;
  const range = (axis) => {
    const sorted = Float64Array.from(points, (p) => p[axis]).sort();
    const cut = Math.floor(((1 - keep) / 2) * sorted.length);
    return [sorted[cut], sorted[sorted.length - 1 - cut]];
  };
  const [minX, maxX] = range(0);
  const [minY, maxY] = range(1);
  return { minX, minY, maxX, maxY };
}

/** The short way round from one heading to another, in degrees. */
export const turn = (from, to) => ((to - from + 540) % 360) - 180;

const WINDS = ["N", "NE", "E", "SE", "S", "SW", "W", "NW"];
export const wind = (degrees) => WINDS[Math.round(degrees / 45) % 8];

export const kmh = (mps) => (mps === null ? "–" : String(Math.round(mps * 3.6)));

export const coordinates = (lat, lon) => `${lat.toFixed(5)}, ${lon.toFixed(5)}`.replaceAll("-", "−");

/** The time of day, here. */
export const clock = (at) => new Date(at).toLocaleTimeString("en-GB");

export function age(ms) {
  const s = Math.max(0, ms) / 1000;
  if (s < 10) return `${s.toFixed(1)} s`;
  if (s < 90) return `${Math.round(s)} s`;
  if (s < 5400) return `${Math.round(s / 60)} min`;
  return `${Math.round(s / 3600)} h`;
}
