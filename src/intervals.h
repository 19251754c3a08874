/*
 * intervals.h
 *		Confidence intervals of shares.  See docs/intervals.md.
 */
#ifndef CM_INTERVALS_H
#define CM_INTERVALS_H

#include <math.h>

#include "fmgr.h"

typedef struct Bounds
{
	double		lower;
	double		upper;
} Bounds;

/*
 * Wilson's interval for k of n, 0 <= k <= n and n > 0: the middle and what it
 * reaches to both sides, over 1 + z^2/n.  The lower bound is written without the
 * cancellation of the two, (middle^2 - reach^2) / (middle + reach), so that it
 * is 0 for none and above 0 for one; all of n give an upper bound of 1.
 */
static inline Bounds
wilson_bounds(double k, double n, double z)
{
	double		share = k / n;
	double		middle = share + z * z / (2 * n);
	double		reach = z * sqrt(share * ((n - k) / n) / n + z * z / (4 * n * n));
	Bounds		bounds;

	bounds.lower = k <= 0 ? 0 : share * share / (middle + reach);
	bounds.upper = k >= n ? 1 : Min((middle + reach) / (1 + z * z / n), 1);
	return bounds;
}

/* The confidence where none is given. */
#define USUAL_CONFIDENCE	0.95

extern void check_count_of(const char *part_name, int64 part, const char *whole_name, int64 whole);
extern void check_same_confidence(double expected, double confidence);
extern int64 confidence_bits(double confidence);
extern double confidence_of_bits(int64 bits);

#endif							/* CM_INTERVALS_H */
