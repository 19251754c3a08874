/*
 * scores.h
 *		The area under the ROC curve of rows in order of their score, for auc and
 *		for the AUC of a fit on its own rows.
 *
 *		AucSum sum = {0};
 *		... for each score, the lowest first: auc_add(&sum, events, others); ...
 *		if (sum.events > 0 && sum.others > 0)
 *			result = auc_of(&sum);
 */
#ifndef CM_SCORES_H
#define CM_SCORES_H

#include "numerics.h"

/* The rows so far, those with a true label and the others, and the pairs of one of each. */
typedef struct AucSum
{
	LongSum		pairs;			/* in which the event has the higher score; ties count half */
	double		events;
	double		others;
} AucSum;

/* Add the rows of one score, which is higher than those before. */
static inline void
auc_add(AucSum *sum, double events, double others)
{
	long_sum_add(&sum->pairs, events * (sum->others + others / 2));
	sum->events += events;
	sum->others += others;
}

/* The share of pairs in which the event has the higher score; there must be rows of both kinds. */
static inline double
auc_of(const AucSum *sum)
{
	return long_sum(&sum->pairs) / (sum->events * sum->others);
}

#endif							/* CM_SCORES_H */
