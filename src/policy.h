/*
 * policy.h
 *		How to count where vendors differ; see docs/policy.md.
 */
#ifndef CM_POLICY_H
#define CM_POLICY_H

#include "fmgr.h"

extern void policy_argument(FunctionCallInfo fcinfo, int argument);

#endif							/* CM_POLICY_H */
