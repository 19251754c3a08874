/*
 * sources.c
 *		Values as billing systems store them in JSON and as epochs; see docs/views.md.
 *
 * What is no number, or no moment, is NULL and not an error: one bad row must not
 * end every view.  The views call these some ten times for each row, so that they
 * are not left to SQL functions.
 */
#include "postgres.h"

#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/fmgrprotos.h"
#include "utils/jsonb.h"
#include "utils/numeric.h"

PG_FUNCTION_INFO_V1(cm_json_number);
PG_FUNCTION_INFO_V1(cm_json_moment);
PG_FUNCTION_INFO_V1(cm_epoch_moment);
PG_FUNCTION_INFO_V1(cm_epoch_moment_numeric);

/* 0001-01-01 and 9999-01-01 as seconds since 1970. */
#define FIRST_SECOND	(-62135596800.0)
#define LAST_SECOND		253370764800.0

/* The number that a JSON value is, NULL where it is none. */
static Numeric
number_of(Jsonb *json)
{
	JsonbValue	value;

	if (!JB_ROOT_IS_SCALAR(json) || !JsonbExtractScalar(&json->root, &value) || value.type != jbvNumeric)
		return NULL;
	return value.val.numeric;
}

/* Seconds since 1970 as a moment; sets *isnull for those beyond the years 1 to 9998. */
static Datum
moment_of(float8 seconds, bool *isnull)
{
	/* so that a NaN is out, too */
	*isnull = !(seconds >= FIRST_SECOND && seconds <= LAST_SECOND);
	return *isnull ? (Datum) 0 : DirectFunctionCall1(float8_timestamptz, Float8GetDatum(seconds));
}

/* A number as float8, infinite where that cannot hold it. */
static float8
float8_of(Numeric number)
{
	return DatumGetFloat8(DirectFunctionCall1(numeric_float8_no_overflow, NumericGetDatum(number)));
}

/* json_number(jsonb): a JSON number, otherwise NULL. */
Datum
cm_json_number(PG_FUNCTION_ARGS)
{
	Numeric		number = number_of(PG_GETARG_JSONB_P(0));

	if (number == NULL)
		PG_RETURN_NULL();
	PG_RETURN_DATUM(datumCopy(NumericGetDatum(number), false, -1));
}

/* json_moment(jsonb): a JSON number of seconds since 1970, otherwise NULL. */
Datum
cm_json_moment(PG_FUNCTION_ARGS)
{
	Numeric		number = number_of(PG_GETARG_JSONB_P(0));

	if (number == NULL)
		PG_RETURN_NULL();
	PG_RETURN_DATUM(moment_of(float8_of(number), &fcinfo->isnull));
}

/* epoch_moment(double precision) */
Datum
cm_epoch_moment(PG_FUNCTION_ARGS)
{
	PG_RETURN_DATUM(moment_of(PG_GETARG_FLOAT8(0), &fcinfo->isnull));
}

/* epoch_moment(numeric) */
Datum
cm_epoch_moment_numeric(PG_FUNCTION_ARGS)
{
	PG_RETURN_DATUM(moment_of(float8_of(PG_GETARG_NUMERIC(0)), &fcinfo->isnull));
}
