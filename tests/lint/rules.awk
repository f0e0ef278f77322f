# SPDX-License-Identifier: MIT
#
# rules.awk: the rules of `make lint` that need only the text: floors, reserved identifiers, sizes,
# white space, first lines. One process for all files. Input: tests/lint/floors, tests/lint/words,
# then the sources. POSIX awk (mawk).
#
# Prints "file:line: message"; messages that start with "note:" don't fail. Exit status 1 when one
# did. With -v list_long=1 it names the lines that are too long.

BEGIN {
	MAX_FILE = 800; LONG_FILE = 600
	MAX_FUNCTION = 100; LONG_FUNCTION = 60
	MAX_COLUMNS = 100
}

FILENAME ~ /lint\/floors$/ {
	if ($1 ~ /^[0-9]+$/)
		for (i = 2; i <= NF; i++)
			floor_of[$i] = $1
	else if ($1 ~ /^src\//) {
		highest[$1] = $2
		for (i = 3; i <= NF; i++)
			may_include[$1, $i] = 1
	}
	next
}

FILENAME ~ /lint\/words$/ {
	if ($0 ~ /^#/ || NF == 0)
		next
	split($0, part, "\t")
	n = split(part[2], names, " ")
	for (i = 1; i <= n; i++) {
		name = names[i]
		call = sub(/\(\)$/, "", name)
		if (name in allowed)
			allowed[name] = allowed[name] "|" part[1]
		else
			allowed[name] = part[1]
		only_calls[name] = call
	}
	next
}

function complain(message, line)
{
	printf "%s:%d: %s\n", FILENAME, line ? line : FNR, message
	if (message !~ /^note: /)
		failed = 1
}

# The floor of a stem of runtime/: its own, or that of the name before the last underscore, or -1.
function stem_floor(stem)
{
	while (!(stem in floor_of) && sub(/_[^_]*$/, "", stem))
		;
	return stem in floor_of ? floor_of[stem] + 0 : -1
}

function begin_file()
{
	folder = FILENAME
	sub(/\/[^\/]*$/, "", folder)
	stem = FILENAME
	sub(/.*\//, "", stem)
	sub(/\.[^.]*$/, "", stem)
	is_ours = folder !~ /^tests/
	in_comment = 0
	function_line = 0
	previous = ""
	if (folder == "runtime" && (own_floor = stem_floor(stem)) < 0)
		complain(stem " is not in tests/lint/floors", 1)
	if ($0 !~ /SPDX-License-Identifier: MIT/)
		complain("the first line lacks its SPDX-License-Identifier: MIT", 1)
}

function end_file()
{
	if (last_line <= LONG_FILE)
		return
	printf "%s:%d: ", last_file, last_line
	if (last_line > MAX_FILE)
		failed = 1
	else
		printf "note: "
	print "look for the second concept inside; the most is " MAX_FILE " lines"
}

function check_include(path,    their, i)
{
	if (path !~ /\// && path != "llhttp.h")
		return complain("#include \"" path "\": write the path from the root")
	their = path
	sub(/\/[^\/]*$/, "", their)
	i = path
	sub(/.*\//, "", i)
	sub(/\.h$/, "", i)
	if (folder == "runtime") {
		if (their != "runtime" || stem_floor(i) > own_floor)
			complain("floor " own_floor " includes \"" path "\" from above")
	} else if (folder in highest) {
		if (their == "runtime" ? stem_floor(i) > highest[folder] : !((folder, their) in may_include))
			complain(folder " may not include \"" path "\"")
	}
}

# The line without comments, strings and character constants.
function code_of(line,    out, i, two)
{
	out = ""
	while (line != "") {
		if (in_comment) {
			if (!(i = index(line, "*/")))
				return out
			line = substr(line, i + 2)
			in_comment = 0
			out = out " "
		} else if (match(line, /\/\*|\/\/|"([^"\\]|\\.)*"|'([^'\\]|\\.)*'/)) {
			two = substr(line, RSTART, 2)
			out = out substr(line, 1, RSTART - 1)
			if (two == "//")
				return out
			if (two == "/*")
				in_comment = 1
			else
				out = out "0"
			line = substr(line, RSTART + (two == "/*" ? 2 : RLENGTH))
		} else {
			return out line
		}
	}
	return out
}

function check_words(code,    name, before, after)
{
	before = ""
	while (match(code, /[A-Za-z_][A-Za-z0-9_]*/)) {
		name = substr(code, RSTART, RLENGTH)
		if (RSTART > 1)
			before = substr(code, 1, RSTART - 1)
		after = substr(code, RSTART + RLENGTH)
		if (name in allowed && FILENAME !~ allowed[name] &&
		    (!only_calls[name] || (after ~ /^ *\(/ && before !~ /(\.|->) *$/)))
			complain(name " has no place in this file (tests/lint/words)")
		code = after
		before = ""
	}
}

function columns(line,    n, i, part)
{
	n = split(line, part, "\t")
	if (n < 2)
		return length(line)
	columns_used = 0
	for (i = 1; i < n; i++)
		columns_used = int((columns_used + length(part[i])) / 8) * 8 + 8
	return columns_used + length(part[n])
}

function check_space()
{
	if (/[ \t]$/)
		complain("white space at the end of the line")
	if (/\r/)
		complain("carriage return")
	if (/^ +\t/)
		complain("spaces before a tab")
	if (columns($0) > MAX_COLUMNS) {
		long_lines++
		if (list_long)
			complain("note: " columns($0) " columns")
	}
	if ($0 == "" && previous == "" && FNR > 1)
		complain("two empty lines")
}

function check_function(code)
{
	if (code ~ /^\{/) {
		function_line = FNR
	} else if (code ~ /^\}/ && function_line) {
		lines = FNR - function_line - 1
		if (lines > LONG_FUNCTION)
			complain((lines > MAX_FUNCTION ? "" : "note: ") lines \
				" lines in one function; the most is " MAX_FUNCTION, function_line)
		function_line = 0
	}
}

FNR == 1 {
	end_file()
	begin_file()
}

{
	check_space()
	if (/TODO|FIXME/ || /(^|[^A-Za-z\\])XXX([^A-Za-z]|$)/)
		complain("unfinished business: do it or open an issue")
	code = code_of($0)
	if (/^# *include +"/ && split($0, quoted, "\"") > 1)
		check_include(quoted[2])
	else if (is_ours && code ~ /[A-Za-z_]/ && code !~ /^ *# *include/)
		check_words(code)
	check_function(code)
	previous = $0
	last_line = FNR
	last_file = FILENAME
}

END {
	end_file()
	if (long_lines)
		print "note: " long_lines " lines are longer than " MAX_COLUMNS " columns"
	exit failed
}
