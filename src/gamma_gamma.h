/*
 * gamma_gamma.h
 *		The Gamma-Gamma model of what a customer's purchases are worth, for those who
 *		multiply it by a number of purchases.  See docs/gamma_gamma.md.
 */
#ifndef CM_GAMMA_GAMMA_H
#define CM_GAMMA_GAMMA_H

#include "fmgr.h"

/* A gg_model as its accessors use it. */
typedef struct GammaGamma
{
	double		p;
	double		q;
	double		v;
} GammaGamma;

extern GammaGamma gg_argument(FunctionCallInfo fcinfo, int argument);
extern double gg_value(const GammaGamma *g, int64 x, double mean_value);

#endif							/* CM_GAMMA_GAMMA_H */
