// Package cron knows when a schedule is due: cron expressions in a time zone, with daylight
// saving, and intervals.
//
// An expression has five fields, or six with the seconds first. They are read by the parser
// of robfig/cron.
//
//	| field        | values                       | second minute hour day month weekday      |
//	|--------------|------------------------------|-------------------------------------------|
//	| second       | 0 to 59; left out: 0         | 30 3 * * *         every day at 3:30      |
//	| minute       | 0 to 59                      | 0 9-17 * * MON-FRI hourly, office hours   |
//	| hour         | 0 to 23                      | */15 * * * *       every quarter          |
//	| day of month | 1 to 31                      | 0 0 1,15 * *       the 1st and the 15th   |
//	| month        | 1 to 12 or JAN to DEC        | 0 12 * JAN,JUL *   noon in two months     |
//	| weekday      | 0 (Sunday) to 6, SUN to SAT  | 5/20 * * * * *     :05, :25 and :45       |
//
// A field is * (or ?), or elements with commas between them: 5, 1-5, 1-59/2, */10, 10/5 (from
// 10 to the end). If the day of the month and the weekday are both limited, a day needs only
// one of them; a field that has a * without a step is not limited. @hourly, @daily (or
// @midnight), @weekly, @monthly and @yearly (or @annually) are names for expressions.
//
// # Daylight saving
//
// Twice a year in many zones, and once in a while in others, the clock on the wall jumps: by
// an hour, by 30 minutes on Lord Howe, by a day in Apia in 2011. What happens is decided by
// each element of the hour field:
//
//   - One that gives one hour names a time of day: 3, each of 3,15, and 3-3. Such a time runs once
//     on each day. If the day does not have it, it runs at the first instant after the gap (one
//     run, whatever the number of times that were lost); if the day has it twice, it runs the
//     first time. The minutes have no say: */10 2 runs six times where 2 o'clock comes twice.
//   - One that gives several hours says how often: *, */2, 9-17. It runs by real time: at
//     each instant whose clock matches. What the day does not have is left out, what it has
//     twice runs twice, so that * * * * * runs every minute of each day.
//
// With 1-4,14 both are in one expression. An hour that is named both ways goes by real time.
//
// # Zones
//
// A program is one file that runs on machines without zone data, so this package puts the
// data of time/tzdata into it: about 450 kB. The machine's own data is preferred where
// it is there.
package cron
