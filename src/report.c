/*
 * report.c
 *		Runs a report over a ledger, or over the rows of a caller's query.
 *
 * The query's text is not run as it is: it becomes a subquery of
 *		SELECT subscription_ledger(customer, started_at, ended_at, mrr) FROM (...)
 * or of another statement over its rows, so that they are gathered inside the
 * plan, in parallel where the planner wants it, and the report walks over the
 * aggregate's state as it is.  The text is parsed by itself first: it must be one
 * SELECT, so nothing can escape from the parentheses.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "common/keywords.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "nodes/parsenodes.h"
#include "nodes/primnodes.h"
#include "parser/parse_coerce.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/plancache.h"

#include "checks.h"
#include "policy.h"
#include "report.h"

/* The arguments of a report from "every" on. */
#define ARG_SINCE		1
#define ARG_POLICY		4
#define ARG_ORIGIN		5

/* Hands the rows of the wrapped query on. */
typedef struct RowsReceiver
{
	DestReceiver pub;
	RowTaker	taker;
	bool		has_mrr;
	void	   *context;
} RowsReceiver;

/*
 * Enter a context for the values of one row at a time: a report can have
 * millions of rows.  Returns the context to go back to.
 */
MemoryContext
report_rows_begin(void)
{
	return MemoryContextSwitchTo(AllocSetContextCreate(CurrentMemoryContext, "report row",
													   ALLOCSET_DEFAULT_SIZES));
}

/* Put out a row and forget its values. */
void
report_row(ReturnSetInfo *result, Datum *values, bool *nulls)
{
	CHECK_FOR_INTERRUPTS();
	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	MemoryContextReset(CurrentMemoryContext);
}

/* Leave the context of report_rows_begin. */
void
report_rows_end(MemoryContext old)
{
	MemoryContextDelete(MemoryContextSwitchTo(old));
}

/* The checked arguments that every report shares, from the given one on; the result is ready to take rows. */
ReportRequest
report_request(FunctionCallInfo fcinfo, int argument)
{
	ReportRequest request = {0};

	request.fcinfo = fcinfo;
	check_not_null("every", PG_ARGISNULL(argument));
	request.periods = period_request(fcinfo, argument, argument + ARG_SINCE, argument + ARG_ORIGIN);
	policy_argument(fcinfo, argument + ARG_POLICY, &request.policy);
	request.periods.at = request.policy.at;
	request.periods.earlier = request.policy.lookback - 1 + request.policy.smoothing - 1;
	request.periods.settle[0] = request.policy.grace;
	request.periods.settle[1] = request.policy.minimum_absence;
	InitMaterializedSRF(fcinfo, MAT_SRF_USE_EXPECTED_DESC);
	return request;
}

/* Entry of the reports that take a ledger; NULL is an empty one. */
Datum
report_on_ledger(FunctionCallInfo fcinfo, const ReportKind *kind)
{
	ReportRequest request = report_request(fcinfo, kind->argument);
	Ledger		ledger = ledger_argument(PG_ARGISNULL(0) ? (Datum) 0 : PG_GETARG_DATUM(0),
										 PG_ARGISNULL(0), true);

	kind->run(&ledger, &request, (ReturnSetInfo *) fcinfo->resultinfo);
	return (Datum) 0;
}

/* Called before the first row: nothing to do. */
static void
receiver_startup(DestReceiver *self, int operation, TupleDesc typeinfo)
{
	(void) self;
	(void) operation;
	(void) typeinfo;
}

/* Hand on a row; never asks to stop. */
static bool
receiver_receive(TupleTableSlot *slot, DestReceiver *self)
{
	RowsReceiver *receiver = (RowsReceiver *) self;

	receiver->taker(slot, receiver->has_mrr, receiver->context);
	return true;
}

/* Called after the last row and at the end: nothing to do. */
static void
receiver_nothing(DestReceiver *self)
{
	(void) self;
}

/* The columns of a query by their names, in order. */
typedef struct ColumnNames
{
	const RowsQuery *query;
	const char *names[MAX_QUERY_COLUMNS];
	int			n;
} ColumnNames;

static const char *const column_names[] = {NULL, "mrr", "mrr", "on_trial", "reason"};

/* The columns that a query is to return, with or without mrr where it may be left out. */
static ColumnNames
names_of_columns(const RowsQuery *query, bool has_mrr)
{
	ColumnNames columns = {query, {"customer", "started_at", "ended_at"}, 3};
	int			i;

	for (i = 0; i < (int) lengthof(query->columns) && query->columns[i] != COLUMN_END; i++)
		if (has_mrr || query->columns[i] != COLUMN_OPTIONAL_MRR)
			columns.names[columns.n++] = column_names[query->columns[i]];
	return columns;
}

/* What the query must return, as a hint. */
static int
columns_hint(const RowsQuery *query)
{
	ColumnNames columns = names_of_columns(query, true);
	StringInfoData list;
	int			i;

	initStringInfo(&list);
	for (i = 0; i < columns.n; i++)
		appendStringInfo(&list, "%s%s", i == 0 ? "" : i + 1 < columns.n ? ", " : " and ", columns.names[i]);
	return errhint("The query must return %s, in this order.", list.data);
}

/* Report a column that is missing, or one too many; returns the columns that there are. */
static ColumnNames
check_column_count(const RowsQuery *query, TupleDesc tupdesc, bool *has_mrr)
{
	ColumnNames columns = names_of_columns(query, true);
	int			n = tupdesc ? tupdesc->natts : 0;

	*has_mrr = true;
	if (query->without_mrr && n == columns.n - 1)
	{
		*has_mrr = false;
		return names_of_columns(query, false);
	}
	if (n < columns.n)
	{
		int			least = query->without_mrr ? names_of_columns(query, false).n : columns.n;

		if (n < least)
			ereport(ERROR,
					(errcode(ERRCODE_DATATYPE_MISMATCH),
					 errmsg("column %d (%s) of the query is missing", n + 1, columns.names[n]),
					 columns_hint(query)));
	}
	if (n > columns.n)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("column %d (%s) of the query is one too many", columns.n + 1,
						NameStr(TupleDescAttr(tupdesc, columns.n)->attname)),
				 columns_hint(query)));
	return columns;
}

/* Raises 42804 for a column of the query whose type is not the expected one. */
static void
column_error(const ColumnNames *columns, int column, Oid type, const char *expected)
{
	ereport(ERROR,
			(errcode(ERRCODE_DATATYPE_MISMATCH),
			 errmsg("column %d (%s) of the query has type %s, but must be %s",
					column, columns->names[column - 1], format_type_be(type), expected),
			 column == 3 && type == TEXTOID ? errhint("A NULL without a type is text: write NULL::date, for example.") :
			 columns_hint(columns->query)));
}

/* The type that the customer column is read as. */
static const char *
customer_type(const ColumnNames *columns, Oid type)
{
	Oid			base = getBaseType(type);
	char		category;
	bool		preferred;

	if (base == INT2OID || base == INT4OID || base == INT8OID)
		return "pg_catalog.int8";
	if (base == UUIDOID)
		return "pg_catalog.uuid";
	get_type_category_preferred(base, &category, &preferred);
	if (category != TYPCATEGORY_STRING)
		column_error(columns, 1, type, "bigint, uuid or text");
	return "pg_catalog.text COLLATE pg_catalog.\"C\"";
}

/* Is a base type date, timestamp or timestamp with time zone? */
static bool
is_time_type(Oid base)
{
	return base == DATEOID || base == TIMESTAMPOID || base == TIMESTAMPTZOID;
}

/* Is a column of the query the bare NULL, whose type is text for want of another? */
static bool
column_is_null(const CachedPlanSource *source, int column)
{
	Query	   *query = source->query_list ? linitial_node(Query, source->query_list) : NULL;
	TargetEntry *entry;

	if (query == NULL || list_length(query->targetList) < column)
		return false;
	entry = list_nth_node(TargetEntry, query->targetList, column - 1);
	return !entry->resjunk && IsA(entry->expr, Const) && ((Const *) entry->expr)->constisnull;
}

/* The type that both time columns are read as. */
static const char *
time_type(const ColumnNames *columns, Oid start_type, Oid end_type)
{
	Oid			start = getBaseType(start_type);
	Oid			end = getBaseType(end_type);

	if (!is_time_type(start))
		column_error(columns, 2, start_type, "date, timestamp or timestamp with time zone");
	if (!is_time_type(end) || (start == TIMESTAMPTZOID) != (end == TIMESTAMPTZOID))
		column_error(columns, 3, end_type,
					 start == TIMESTAMPTZOID ? "timestamp with time zone, as started_at is" :
					 "date or timestamp, as started_at is local time");
	if (start == TIMESTAMPTZOID)
		return "pg_catalog.timestamptz";
	return start == DATEOID && end == DATEOID ? "pg_catalog.date" : "pg_catalog.timestamp";
}

/* The type that a further column is read as. */
static const char *
further_type(const ColumnNames *columns, int column, Oid type)
{
	const char *name = columns->names[column - 1];
	Oid			base = getBaseType(type);
	Oid			function;

	if (strcmp(name, "mrr") == 0)
	{
		if (base != NUMERICOID &&
			find_coercion_pathway(NUMERICOID, type, COERCION_ASSIGNMENT, &function) == COERCION_PATH_NONE)
			column_error(columns, column, type, "numeric, or a type that is cast to it on assignment");
		return "pg_catalog.numeric";
	}
	if (strcmp(name, "on_trial") == 0)
	{
		if (base != BOOLOID)
			column_error(columns, column, type, "boolean");
		return "pg_catalog.bool";
	}
	if (TypeCategory(base) != TYPCATEGORY_STRING)
		column_error(columns, column, type, "text");
	return "pg_catalog.text COLLATE pg_catalog.\"C\"";
}

/* Raises 42601 for a text that is the name of a table, perhaps qualified, and no statement. */
static void
check_not_name(const char *text)
{
	const char *begin = text + strspn(text, " \t\r\n");
	int			length = strcspn(begin, " \t\r\n();'*-/");
	char	   *name = pnstrdup(begin, length);

	if (length == 0 || begin[length + strspn(begin + length, " \t\r\n;")] != '\0' ||
		ScanKeywordLookup(name, &ScanKeywords) >= 0)
		return;
	ereport(ERROR,
			(errcode(ERRCODE_SYNTAX_ERROR),
			 errmsg("the query must be a SELECT, VALUES or TABLE statement that only reads"),
			 errhint("The rows of a whole table are given as 'TABLE %s'.", name)));
}

/*
 * The statement that asks for the rows of a caller's query; what is wrong with the
 * query is an error that names it.  Needs an SPI connection.
 */
static char *
rows_statement(const RowsQuery *query, const char *text, const char *schema, bool *has_mrr)
{
	SPIPlanPtr	plan;
	List	   *sources;
	CachedPlanSource *source;
	RawStmt    *raw;
	TupleDesc	tupdesc;
	ColumnNames columns;
	StringInfoData rows;
	int			length;
	int			i;

	check_not_name(text);
	plan = SPI_prepare(text, 0, NULL);
	if (plan == NULL)
		elog(ERROR, "SPI_prepare failed: %s", SPI_result_code_string(SPI_result));
	sources = SPI_plan_get_plan_sources(plan);
	if (list_length(sources) != 1)
		ereport(ERROR,
				(errcode(ERRCODE_SYNTAX_ERROR),
				 errmsg("the query must be one statement, not %d", list_length(sources))));
	source = (CachedPlanSource *) linitial(sources);
	raw = source->raw_parse_tree;
	if (raw == NULL || !IsA(raw->stmt, SelectStmt) || ((SelectStmt *) raw->stmt)->intoClause != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_SYNTAX_ERROR),
				 errmsg("the query must be a SELECT, VALUES or TABLE statement that only reads")));

	tupdesc = source->resultDesc;
	columns = check_column_count(query, tupdesc, has_mrr);
	initStringInfo(&rows);
	appendStringInfoString(&rows, "(SELECT ");
	for (i = 0; i < columns.n; i++)
	{
		Oid			column = TupleDescAttr(tupdesc, i)->atttypid;
		Oid			start = TupleDescAttr(tupdesc, 1)->atttypid;
		Oid			end = TupleDescAttr(tupdesc, 2)->atttypid;
		const char *type;

		if (i == 0)
			type = customer_type(&columns, column);
		else if (i == 1 || i == 2)
			type = time_type(&columns, start, column_is_null(source, 3) ? start : end);
		else
			type = further_type(&columns, i + 1, column);
		appendStringInfo(&rows, "%sc%d::%s AS %s", i > 0 ? ", " : "", i + 1, type, columns.names[i]);
	}
	appendStringInfoString(&rows, " FROM (");
	/* the statement without its semicolon; a length of 0 means up to the end */
	length = raw->stmt_len > 0 ? raw->stmt_len : (int) strlen(text) - Max(raw->stmt_location, 0);
	appendBinaryStringInfo(&rows, text + Max(raw->stmt_location, 0), length);
	appendStringInfoString(&rows, "\n) AS query(");
	for (i = 0; i < columns.n; i++)
		appendStringInfo(&rows, "%sc%d", i > 0 ? ", " : "", i + 1);
	appendStringInfoString(&rows, ")) AS rows");
	SPI_freeplan(plan);
	return psprintf(*has_mrr ? query->with_mrr : query->without_mrr, quote_identifier(schema), rows.data);
}

/*
 * Ask for the rows that the text in the function's first argument returns, as the
 * caller and read only; the taker gets those of the RowsQuery's statement.
 */
void
query_rows(FunctionCallInfo fcinfo, const RowsQuery *query, RowTaker taker, void *context)
{
	SPIExecuteOptions options = {0};
	RowsReceiver receiver = {0};
	char	   *schema = get_namespace_name(get_func_namespace(fcinfo->flinfo->fn_oid));
	char	   *statement;
	bool		was_read_only = XactReadOnly;
	int			result;

	receiver.pub.receiveSlot = receiver_receive;
	receiver.pub.rStartup = receiver_startup;
	receiver.pub.rShutdown = receiver_nothing;
	receiver.pub.rDestroy = receiver_nothing;
	receiver.pub.mydest = DestNone;
	receiver.taker = taker;
	receiver.context = context;

	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	statement = rows_statement(query, text_to_cstring(PG_GETARG_TEXT_PP(0)), schema, &receiver.has_mrr);
	options.read_only = true;
	options.dest = (DestReceiver *) &receiver;

	/* functions that the query calls must not write either */
	XactReadOnly = true;
	PG_TRY();
	{
		result = SPI_execute_extended(statement, &options);
	}
	PG_FINALLY();
	{
		XactReadOnly = was_read_only;
	}
	PG_END_TRY();
	if (result < 0)
		elog(ERROR, "SPI_execute_extended failed: %s", SPI_result_code_string(result));
	SPI_finish();
}

/* A report over the one ledger that a statement returns. */
typedef struct LedgerReport
{
	Report		run;
	const ReportRequest *request;
} LedgerReport;

/* Run the report over the ledger that the row holds. */
static void
take_ledger(TupleTableSlot *slot, bool has_mrr, void *context)
{
	LedgerReport *report = context;
	bool		isnull;
	Datum		datum = slot_getattr(slot, 1, &isnull);
	Ledger		ledger = ledger_argument(datum, isnull, false);

	(void) has_mrr;
	report->run(&ledger, report->request, (ReturnSetInfo *) report->request->fcinfo->resultinfo);
}

/* Entry of the reports that take the text of a query. */
Datum
report_on_query(FunctionCallInfo fcinfo, const ReportKind *kind)
{
	static const RowsQuery with_mrr = {
		{COLUMN_MRR},
		"SELECT %1$s.subscription_ledger(customer, started_at, ended_at, mrr) FROM %2$s",
		NULL
	};
	static const RowsQuery mrr_if_there = {
		{COLUMN_OPTIONAL_MRR},
		"SELECT %1$s.subscription_ledger(customer, started_at, ended_at, mrr) FROM %2$s",
		"SELECT %1$s.subscription_ledger(customer, started_at, ended_at) FROM %2$s"
	};
	ReportRequest request;
	LedgerReport report = {kind->run, &request};

	check_not_null("query", PG_ARGISNULL(0));
	request = report_request(fcinfo, kind->argument);
	query_rows(fcinfo, kind->needs_mrr ? &with_mrr : &mrr_if_there, take_ledger, &report);
	return (Datum) 0;
}
