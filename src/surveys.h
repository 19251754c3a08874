/*
 * surveys.h
 *		The groups of NPS, for those who count them.  See docs/surveys.md.
 */
#ifndef CM_SURVEYS_H
#define CM_SURVEYS_H

#include "fmgr.h"
#include "utils/numeric.h"

enum
{
	NPS_PROMOTERS,
	NPS_PASSIVES,
	NPS_DETRACTORS,
	NPS_GROUPS
};

extern int	nps_group(Numeric score);
extern Numeric nps_value(Numeric promoters, Numeric passives, Numeric detractors);

#endif							/* CM_SURVEYS_H */
