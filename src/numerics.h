/*
 * numerics.h
 *		Distributions and small linear algebra for the estimators.
 *
 * They are written here, not taken from a library: the libraries at hand are
 * under the GPL, which would bind the whole module, or abort the process on an
 * error, or need Fortran or C++; and what is needed is this much.  All functions
 * are pure: no state, no errors, no memory of their own.
 */
#ifndef CM_NUMERICS_H
#define CM_NUMERICS_H

#include <math.h>

/* A sum of doubles to about twice their precision (Neumaier's method). */
typedef struct LongSum
{
	double		sum;
	double		rest;
} LongSum;

/* Add a finite value. */
static inline void
long_sum_add(LongSum *sum, double value)
{
	double		total = sum->sum + value;

	/* what the addition lost; the branch takes the larger as exact */
	if ((sum->sum < 0 ? -sum->sum : sum->sum) >= (value < 0 ? -value : value))
		sum->rest += (sum->sum - total) + value;
	else
		sum->rest += (value - total) + sum->sum;
	sum->sum = total;
}

/* The sum so far. */
static inline double
long_sum(const LongSum *sum)
{
	return sum->sum + sum->rest;
}

/* Normal distribution: Phi(x), and the x with Phi(x) = p, for 0 < p < 1. */
extern double normal_cdf(double x);
extern double normal_quantile(double p);

/* The z that leaves 1 - confidence outside on both sides together. */
extern double normal_deviate(double confidence);

/* P(|Z| >= |z|), accurate far out. */
extern double normal_two_sided(double z);

/* P(X >= x) of the chi-squared distribution. */
extern double chi_squared_upper(double x, double df);

/* Regularised incomplete beta function I_x(a, b), and the x with I_x(a, b) = p; a, b > 0. */
extern double beta_cdf(double x, double a, double b);
extern double beta_quantile(double p, double a, double b);

/* The x with 1 - I_x(a, b) = p, which may be as small as a double can be. */
extern double beta_upper_quantile(double p, double a, double b);

/* Student's t: the t with P(T <= t) = p, for 0 < p < 1. */
extern double t_quantile(double p, double df);

/* ln(1 + x) - x, without the cancellation near 0. */
extern double log1p_less(double x);

/* What ln gamma(w) has beyond Stirling's formula (w - 1/2) ln w - w + ln(2 pi)/2, for any w > 0. */
extern double gamma_rest(double w);

/*
 * Quotients of gamma functions without cancellation: of the functions at w and at
 * w + n, by Stirling's series, of which nothing large is subtracted.
 */

/* From here on Stirling's series has all digits after its fifth term. */
#define STIRLING_FROM		16.0

/* gamma_rest, for w >= STIRLING_FROM. */
static inline double
stirling_rest(double w)
{
	double		b = 1 / (w * w);

	return (1.0 / 12 - b * (1.0 / 360 - b * (1.0 / 1260 - b * (1.0 / 1680 - b / 1188)))) / w;
}

/* ln gamma(w + n) - ln gamma(w) without cancellation, n >= 0, w >= STIRLING_FROM. */
static inline double
stirling_rise(double w, double n)
{
	return (w - 0.5) * log1p(n / w) + n * (log(w + n) - 1) + stirling_rest(w + n) - stirling_rest(w);
}

/* What digamma(w) has beyond ln w. */
static inline double
digamma_rest(double w)
{
	double		b = 1 / (w * w);

	return -0.5 / w - b * (1.0 / 12 - b * (1.0 / 120 - b * (1.0 / 252 - b * (1.0 / 240 - b / 132))));
}

/* digamma(w + n) - digamma(w), n >= 0, w >= STIRLING_FROM. */
static inline double
digamma_rise(double w, double n)
{
	return log1p(n / w) + digamma_rest(w + n) - digamma_rest(w);
}

/* ln(1 + exp(x)) and 1 / (1 + exp(-x)), without overflow. */
extern double log1p_exp(double x);
extern double logistic(double x);

/* Nodes and weights of Gauss-Legendre's rule of 32 points on (0, 1). */
#define GAUSS_POINTS	32
extern const double gauss_nodes[GAUSS_POINTS];
extern const double gauss_weights[GAUSS_POINTS];

/*
 * Symmetric positive definite matrices, n x n by rows.  cholesky_factor leaves L
 * in the lower triangle and returns -1, or the number of the first column whose
 * pivot is less than "tolerance" of its diagonal element: a column that the ones
 * before it already hold.
 */
extern int	cholesky_factor(double *a, int n, double tolerance);
extern void cholesky_solve(const double *l, int n, double *b);
extern void cholesky_inverse(const double *l, int n, double *inverse);

#endif							/* CM_NUMERICS_H */
