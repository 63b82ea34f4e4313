-- String functions, LIKE, regular expressions, quoting, formatting.
SELECT 'a' || 1 || NULL, concat('a', 1, NULL, true), concat_ws('-', 'a', NULL, 'b'), length('äöü'), octet_length('äöü'), bit_length('a'), char_length('x ');
SELECT upper('straße'), lower('ÄB'), initcap('hello wORLD-x'), reverse('abc'), repeat('ab', 3), left('hello', -2), right('hello', 2), lpad('7', 3, '0'), rpad('x', 4, 'ab');
SELECT substring('hello' FROM 2 FOR 3), substr('hello', -1, 3), substring('foobar' FROM 'o(.)b'), position('lo' IN 'hello'), strpos('hello', 'z'), overlay('Txxxxas' PLACING 'hom' FROM 2 FOR 4);
SELECT trim('  x '), trim(BOTH 'xy' FROM 'yxTomxx'), ltrim('zzzt', 'z'), rtrim('test  ') || '|', btrim('--a--', '-'), translate('12345', '143', 'ax'), replace('abcabc', 'b', 'XX'), split_part('a,b,c', ',', -1);
SELECT ascii('A'), chr(8364), to_hex(255), md5('abc'), encode(sha256('abc'), 'hex'), quote_literal(E'O''Re\\illy'), quote_ident('Foo bar'), quote_nullable(NULL);
SELECT format('%s is %L and %I; %2$s %%', 'x', 'it''s', 'Col'), format('|%10s|%-10s|', 'a', 'b');
SELECT 'abc' LIKE 'a%', 'abc' LIKE '_b_', 'ABC' ILIKE 'abc', 'a%c' LIKE 'a\%c', 'a_c' LIKE 'a#_c' ESCAPE '#', 'abc' SIMILAR TO '(a|b)%', 'abc' NOT LIKE 'b%';
SELECT 'foobar' ~ 'o+b', 'FOO' ~* 'foo', 'x' !~ 'y', regexp_replace('Thomas', '.[mN]a.', 'M'), regexp_replace('foobarbaz', 'b(..)', 'X\1Y', 'g'), regexp_match('foobarbequebaz', '(bar)(beque)');
SELECT regexp_matches('a1b22c333', '\d+', 'g');
SELECT regexp_split_to_table('hello  world again', '\s+');
SELECT regexp_split_to_array('a,b;c', '[,;]'), regexp_count('ABCABC', 'B'), regexp_substr('ABCDEF', 'C.'), regexp_instr('ABCABC', 'C', 4), regexp_like('Hello', '^h', 'i');
SELECT string_to_array('a,b,,c', ','), string_to_array('a,b,,c', ',', ''), array_to_string(ARRAY[1,NULL,3], ',', '*'), string_agg(x, '/' ORDER BY x DESC) FROM (VALUES ('a'), ('b')) v(x);
SELECT 'a' < 'B', 'a' < 'B' COLLATE "C", 'abc' = 'abc  ', 'abc'::char(5) = 'abc', starts_with('hello', 'he'), 'hello' ^@ 'he';
SELECT E'a\nb', 'multi'
  'line', U&'d\0061t\+000061', 'it''s', $tag$a $$ b$tag$;
SELECT normalize(U&'\0061\0308', NFC) = 'ä', unistr('\0441'), to_char(5, 'FM000'), 'x'::text || 'y'::varchar || 'z'::char(3) || '!';
SELECT 'abc' LIKE 'abc\';
SELECT 'abc' ~ '(';
SELECT substring('abc', 1, -1);
SELECT repeat('x', 2000000000);
SELECT E'\xff';
SELECT chr(0);
SELECT lower(5);
SELECT 'a' + 'b';
