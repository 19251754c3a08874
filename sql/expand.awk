# Makes the install script from the parts in sql/parts.
#
# Lines between "--each" and "--end" are written once for every customer type
# and time type, with @customer@, @time@ and @range@ replaced:
#   --each customer time     the nine pairs
#   --each time              the three time types
BEGIN {
    print "\\echo Use \"CREATE EXTENSION churnmetrics\" to load this file. \\quit"
    split("bigint uuid text", customers)
    split("date timestamp timestamptz", times)
    split("daterange tsrange tstzrange", ranges)
}
function expand(customer, t,    s) {
    s = block
    gsub(/@customer@/, customer, s)
    gsub(/@time@/, times[t], s)
    gsub(/@range@/, ranges[t], s)
    printf "%s", s
}
/^--each/ { each = $0; block = ""; next }
/^--end/ {
    for (c = 1; c <= (each ~ /customer/ ? 3 : 1); c++)
        for (t = 1; t <= 3; t++)
            expand(customers[c], t)
    each = ""
    next
}
each != "" { block = block $0 "\n"; next }
{ print }
END {
    if (each != "") {
        print "sql/expand.awk: --each without --end" > "/dev/stderr"
        exit 1
    }
}
