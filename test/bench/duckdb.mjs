// node duckdb.mjs MODULES CSV ROUNDS FILE.sql ...: DuckDB over the exported table "subs", on one thread and on all.
// Prints "duckdb FILE THREADS MILLISECONDS", the median, a line for each. MODULES holds node_modules/@duckdb/node-api.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { availableParallelism } from 'node:os';
import { basename, join } from 'node:path';

const [modules, csv, rounds, ...files] = process.argv.slice(2);
const { DuckDBInstance } = createRequire(join(modules, 'index.js'))('@duckdb/node-api');
const connection = await (await DuckDBInstance.create(':memory:')).connect();
await connection.run(`CREATE TABLE subs AS SELECT * FROM read_csv('${csv}', header = true,
    columns = {customer_id: 'BIGINT', started_at: 'DATE', ended_at: 'DATE', mrr: 'DECIMAL(12,2)'})`);

async function milliseconds(sql) {
    const began = process.hrtime.bigint();
    await connection.runAndReadAll(sql);
    return Number(process.hrtime.bigint() - began) / 1e6;
}

for (const threads of [...new Set([1, availableParallelism()])]) {
    await connection.run(`SET threads = ${threads}`);
    const times = new Map(files.map((file) => [file, []]));
    for (let round = 0; round < Number(rounds); round++) {
        for (const file of files) {
            times.get(file).push(await milliseconds(readFileSync(file, 'utf8')));
        }
    }
    for (const [file, list] of times) {
        list.sort((a, b) => a - b);
        console.log(`duckdb ${basename(file, '.sql')} ${threads} ${list[Math.floor(list.length / 2)].toFixed(1)}`);
    }
}
