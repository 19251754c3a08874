/*
 * renewals.h
 *		The ends of terms in the state of the aggregate renewal_terms(); see renewals.c.
 */
#ifndef CM_RENEWALS_H
#define CM_RENEWALS_H

#include "ledger.h"

/* Every unit of time has so many slots, in which different things happen. */
#define SLOTS		4

typedef enum Slot
{
	SLOT_ENDED,
	SLOT_COVER,
	SLOT_TRIAL
} Slot;

/* Where the changes lie that are the ends of terms at a moment, whatever the unit. */
static inline int64
ended_slot(int64 moment)
{
	return (int64) ((uint64) JULIAN_ZERO + SLOTS * ((uint64) moment - (uint64) JULIAN_ZERO) + SLOT_ENDED);
}

#endif							/* CM_RENEWALS_H */
