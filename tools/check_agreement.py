#!/usr/bin/python3
"""The agreement as data (agreement/, form: agreement/schema.md): complete, consistent, and equal to the code.

Usage: check_agreement.py [--table] [ROOT]
  --table   prints how the rows of each clause are proved, as Markdown
Exit status 1 and one line per fault. Where the register of clauses is at hand (TROTH_CLAUSES, default
../shared/reference/clauses.md beside ROOT) no sentence of it may stand here word for word.
"""
import functools
import os
import re
import sys

import yaml

LOADER = getattr(yaml, 'CBaseLoader', yaml.BaseLoader)
MODELS = ('iaas', 'paas', 'saas')
UNITS = {'%', 'n', 'ms', 's', 'min', 'h', 'd', 'workday', 'mo', 'y', 'persons', 'yuan'}
NOT_MEASURED = 'not measured yet'
# How many rows each clause has: 97 in all.
ROWS = {'0': 3, '1.1': 1, '1.2': 2, '1.3': 3, '1.4': 1, '1.5': 1, '1.6': 2, '1.7': 2, '1.8': 1, '1.9': 1,
        '2.1.1': 10, '2.1.2': 10, '2.1.3': 10, '2.1.4': 9, '2.1.5': 9, '2.1.6': 6, '2.1.7': 5, '2.1.8': 7,
        '2.2.1': 8, '2.2.2': 6}
# Control points that exist: number of points in each group.
MLPS = {'8.1.1': 10, '8.1.2': 3, '8.1.3': 6, '8.1.4': 11, '8.1.5': 4, '8.1.6': 4, '8.1.7': 5, '8.1.8': 4, '8.1.9': 10,
        '8.1.10': 14, '8.2.1': 1, '8.2.2': 1, '8.2.3': 3, '8.2.4': 7, '8.2.5': 1, '8.2.6': 2, '8.2.7': 1}
ISO = {'5': 37, '6': 8, '7': 14, '8': 34}
CCM = {'A&A': 6, 'AIS': 7, 'BCR': 11, 'CCC': 9, 'CEK': 21, 'DCS': 15, 'DSP': 19, 'GRC': 8, 'HRS': 13, 'IAM': 16,
       'IPY': 4, 'IVS': 9, 'LOG': 13, 'SEF': 8, 'STA': 14, 'TVM': 10, 'UEM': 14}
NIST = {'AC': 25, 'AT': 6, 'AU': 16, 'CA': 9, 'CM': 14, 'CP': 13, 'IA': 13, 'IR': 9, 'MA': 7, 'MP': 8, 'PE': 23,
        'PL': 11, 'PM': 32, 'PS': 9, 'PT': 8, 'RA': 10, 'SA': 23, 'SC': 51, 'SI': 23, 'SR': 12}

# --- shapes: a function (value, where, faults) per kind of value ---

NUMBER = re.compile(r'\d+(\.\d{1,2})?')
NAME = re.compile(r'[a-z0-9]+(-[a-z0-9]+)*')
HAN = re.compile(r'[\u4e00-\u9fff]')


def pattern(regex, what):
    compiled = re.compile(regex)

    def check(value, where, faults):
        if not isinstance(value, str) or not compiled.fullmatch(value):
            faults.append(f'{where}: {what} is wanted, not {value!r}')
    return check


def one_of(*words):
    def check(value, where, faults):
        if value not in words:
            faults.append(f'{where}: {value!r} is none of {", ".join(words)}')
    return check


def every(shape):
    def check(value, where, faults):
        if not isinstance(value, list):
            faults.append(f'{where}: a list is wanted')
            return
        for n, item in enumerate(value):
            shape(item, f'{where}[{n + 1}]', faults)
        if all(isinstance(item, str) for item in value) and len(set(value)) != len(value):
            faults.append(f'{where}: something stands twice')
    return check


def record(**keys):
    """A map: names that end in _ may be absent."""
    known = {k.rstrip('_'): (shape, not k.endswith('_')) for k, shape in keys.items()}

    def check(value, where, faults):
        if not isinstance(value, dict):
            faults.append(f'{where}: a map is wanted')
            return
        for k, (shape, must) in known.items():
            if k in value:
                shape(value[k], f'{where}.{k}', faults)
            elif must:
                faults.append(f'{where}: no {k}')
        faults.extend(f'{where}: unknown key {k}' for k in value if k not in known)
    return check


def either(first, second, is_second):
    return lambda value, where, faults: (second if is_second(value) else first)(value, where, faults)


def map_of(key, shape):
    def check(value, where, faults):
        if not isinstance(value, dict) or not value:
            faults.append(f'{where}: a map is wanted')
            return
        for k, v in value.items():
            key(k, f'{where}: key', faults)
            shape(v, f'{where}.{k}', faults)
    return check


def two_texts(value, where, faults):
    record(en=text, zh=text)(value, where, faults)
    if isinstance(value, dict) and all(isinstance(value.get(k), str) for k in ('en', 'zh')):
        if not HAN.search(value['zh']):
            faults.append(f'{where}.zh: not Chinese')
        if not re.search('[A-Za-z]', value['en']):
            faults.append(f'{where}.en: not English')


text = pattern(r'\S(.*\S)?', 'text on one line')
any_text = pattern(r'.*', 'text')
name = pattern(NAME.pattern, 'a name')
number = pattern(NUMBER.pattern, 'a number')
date = pattern(r'\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])', 'a date')
unit = one_of(*sorted(UNITS))
param_id = pattern(r'P-[A-Z]+-\d+[a-z]?', 'the id of a parameter')
row_id = pattern(r'\d[\d.]*-\d+', 'the id of a row')
compare = one_of('at-least', 'at-most', 'below', 'equals')
amount = record(value=number, unit=unit)
party = one_of('provider', 'customer')
certainty = one_of('found', 'known', 'design')
limit = record(**{'is': compare, 'value': number, 'unit': unit, 'of_': text})
holder = one_of('provider', 'customer', 'shared', 'none', 'contract')
vector = record(iaas=holder, paas=holder, saas=holder)

measured_by = either(every(pattern(r'[a-z]+(\.[a-z0-9-]+)?', 'the name of a collector')), one_of(NOT_MEASURED),
                     lambda v: not isinstance(v, list))
condition = either(
    record(**{'quantity': name, 'is': compare, 'value': number, 'unit': unit, 'of_': name, 'part_': name,
              'limit_': one_of('breach', 'warning')}),
    record(**{'quantity': name, 'is': compare, 'param': param_id, 'of_': name, 'part_': text,
              'limit_': one_of('breach', 'warning')}), lambda v: isinstance(v, dict) and 'param' in v)

SHAPES = {
    'rows': record(clause=pattern(r'\d(\.\d){0,2}', 'a clause'), title=two_texts, rows=every(record(
        id=row_id, title=two_texts, owes=every(party), kind=every(one_of('enforced', 'measured', 'attested')),
        rests_on=one_of('agreement', 'derived', 'typical'), laws=every(name), duty=two_texts, measure=two_texts,
        conditions=every(condition), evidence=every(one_of('state', 'test', 'record', 'statement', 'document')),
        fresh=amount, breach=two_texts, responsibility=vector, documents=every(name), supporting=every(name),
        mapping=record(mlps=every(text), iso27001=every(text), ccm=every(text), nist=every(text)),
        collector=measured_by, missing_=two_texts))),
    'parameters': record(parameters=every(record(
        id=param_id, title=two_texts, unit=either(any_text, unit, bool),
        default=either(any_text, map_of(text, number), lambda v: isinstance(v, dict)),
        allowed=either(record(min=number, max_=number),
                       either(one_of('networks'), record(choices=every(text)), lambda v: isinstance(v, dict)),
                       lambda v: v == 'networks' or isinstance(v, dict) and 'choices' in v),
        floor_=record(**{'law': name, 'article_': text, 'is_': one_of('at-least', 'at-most'), 'value_': number,
                         'says': text}),
        stricter=one_of('higher', 'lower', 'none'), source=text, start=either(date, one_of('agreement'),
                                                                             lambda v: v == 'agreement')))),
    'laws': record(
        reviewed=date,
        laws=every(record(id=name, title=two_texts,
                          kind=one_of('law', 'regulation', 'rule', 'standard', 'guide', 'draft'),
                          versions=every(record(**{'from': date, 'until_': date, 'certainty': certainty})),
                          published_=pattern(r'\d{4}-\d\d(-\d\d)?', 'a day or month'), articles_=every(number),
                          renumbered_=map_of(number, number), note_=two_texts, sources=every(text))),
        numbers=every(record(id=name, title=two_texts, law=name, article_=text, limit_=limit, also_=every(limit),
                             range_=record(**{'from': number, 'to': number, 'unit': unit}), rows=every(row_id),
                             parameter_=param_id, certainty=certainty)),
        sources=every(record(id=text, where=text))),
    'documents': record(
        types=every(record(id=name, title=two_texts, validity=record(
            rule=one_of('period', 'on-paper', 'until-change', 'per-act', 'per-person'), value_=number, unit_=unit,
            param_=param_id), surveillance_=amount, keep_=amount, scope=every(one_of('regions', 'services', 'systems')),
            certainty=certainty, beyond_=every(text), note_=two_texts)),
        states=every(record(id=name, en=text, zh=text)), reminders=every(number),
        fields=every(record(id=text, en=text, zh=text, rule=text))),
    'responsibility': record(objects=every(record(id=name, title=two_texts, responsibility=vector, rows=every(row_id),
                                                  beyond_=every(text), note_=two_texts))),
}

# --- reading: YAML as base/yaml.h takes it ---


def read(root, path, faults):
    """The tree with every scalar as text, or None when the file is not there or not plain YAML."""
    try:
        with open(os.path.join(root, path), encoding='utf-8') as f:
            source = f.read()
    except (OSError, UnicodeDecodeError) as e:
        faults.append(f'{path}: {e}')
        return None
    tree, found = parse(path, source)
    faults.extend(found)
    return tree


@functools.lru_cache(maxsize=64) # the tests come with the same files over and over
def parse(path, source):
    faults, depth = [], 0
    try:
        for event in yaml.parse(source, Loader=LOADER):
            if getattr(event, 'anchor', None) is not None or getattr(event, 'tag', None) is not None:
                return None, [f'{path}:{event.start_mark.line + 1}: an anchor, alias or tag']
            depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
            if depth > 16:
                return None, [f'{path}:{event.start_mark.line + 1}: too deep']
        tree = plain(yaml.compose(source, Loader=LOADER), path, faults)
    except yaml.YAMLError as e:
        return None, [f'{path}: {str(e).splitlines()[0]}']
    return (None if faults else tree), faults


def plain(node, path, faults):
    if isinstance(node, yaml.ScalarNode):
        return node.value
    if isinstance(node, yaml.SequenceNode):
        return [plain(n, path, faults) for n in node.value]
    out = {}
    for key, value in node.value if node is not None else []:
        if key.value in out:
            faults.append(f'{path}:{key.start_mark.line + 1}: key {key.value!r} stands twice')
        out[key.value] = plain(value, path, faults)
    return out


def by_id(items, where, faults):
    out = {}
    for item in items:
        if item['id'] in out:
            faults.append(f'{where}: {item["id"]} stands twice')
        out[item['id']] = item
    return out


# --- what the files say to one another ---


def wanted_vector(row, objects):
    out = {}
    for model in MODELS:
        who = set(row['owes'])
        for o in objects.values():
            if row['id'] in o['rows']:
                part = o['responsibility'][model]
                who |= {'provider', 'customer'} if part == 'shared' else {part} - {'none'}
        out[model] = 'contract' if 'contract' in who else 'shared' if len(who) == 2 else who.pop() if who else 'none'
    return out


def within(is_, value, bound):
    return {'at-least': value >= bound, 'at-most': value <= bound, 'below': value < bound, 'equals': value == bound}[is_]


def check_condition(c, where, parameters, faults):
    if 'param' not in c:
        return
    p = parameters.get(c['param'])
    if p is None:
        faults.append(f'{where}: no parameter {c["param"]}')
    elif c['is'] != {'none': 'equals', 'higher': 'at-least', 'lower': 'at-most'}[p['stricter']]:
        faults.append(f'{where}: {c["is"]} goes against {c["param"]}, where {p["stricter"]} is stricter')


def check_floor_of_row(row, numbers, parameters, faults):
    """A figure of a law bears on a row through a parameter: the row must use it."""
    for n in numbers.values():
        if row['id'] in n['rows'] and 'parameter' in n:
            if n['parameter'] not in {c.get('param') for c in row['conditions']}:
                faults.append(f'{row["id"]}: no condition by {n["parameter"]}, which {n["id"]} bears on it')
            floor = parameters.get(n['parameter'], {}).get('floor', {})
            if (floor.get('law'), floor.get('is'), floor.get('value')) != (n['law'], n['limit']['is'], n['limit']['value']):
                faults.append(f'{n["parameter"]}: its floor is not that of {n["id"]}')


def check_mapping(row, faults):
    for kind, regex, table in (('mlps', r'(8\.[12]\.\d+)\.(\d+)(?: [a-h])?', MLPS), ('iso27001', r'([5-8])\.(\d+)', ISO),
                               ('ccm', r'([A-Z&]{3})-(\d\d)', CCM), ('nist', r'([A-Z]{2})-(\d+)(?:\(\d+\))?', NIST)):
        for item in row['mapping'][kind]:
            m = re.fullmatch(regex, item)
            if m is None or not 1 <= int(m.group(2)) <= table.get(m.group(1), 0):
                faults.append(f'{row["id"]}: {kind} has no {item}')


def check_row(row, laws, numbers, documents, parameters, objects, faults):
    for kind, names, known in (('law', row['laws'], laws), ('document type', row['documents'] + row['supporting'], documents)):
        faults.extend(f'{row["id"]}: no {kind} {n}' for n in names if n not in known)
    for n, c in enumerate(row['conditions']):
        check_condition(c, f'{row["id"]}.conditions[{n + 1}]', parameters, faults)
    check_floor_of_row(row, numbers, parameters, faults)
    check_mapping(row, faults)
    is_measured = row['collector'] != NOT_MEASURED
    if is_measured and not row['collector']:
        faults.append(f'{row["id"]}: a collector, or "{NOT_MEASURED}"')
    if not is_measured and 'missing' not in row:
        faults.append(f'{row["id"]}: {NOT_MEASURED}, and nothing says what is missing')
    if is_measured and not row['conditions'] and row['kind']:
        faults.append(f'{row["id"]}: a collector and no condition')
    if bool(row['documents']) != (is_measured and 'documents' in row['collector']) and is_measured:
        faults.append(f'{row["id"]}: document types and the collector "documents" go together')
    if ('document' in row['evidence']) != bool(row['documents'] + row['supporting']):
        faults.append(f'{row["id"]}: document types and evidence of kind "document" go together')
    if row['id'].startswith('2.1.8-') == bool(row['owes']) or bool(row['owes']) != bool(row['kind']):
        faults.append(f'{row["id"]}: who owes it, and of which kind is it?')
    want = wanted_vector(row, objects)
    if row['responsibility'] != want:
        faults.append(f'{row["id"]}: responsibility is {want} by responsibility.yaml')


def check_parameter(p, laws, faults):
    where = p['id']
    values = list(p['default'].values()) if isinstance(p['default'], dict) else [p['default']]
    allowed, floor = p['allowed'], p.get('floor', {})
    if floor and floor['law'] not in laws:
        faults.append(f'{where}: no law {floor["law"]}')
    if allowed == 'networks':
        if values != ['']:
            faults.append(f'{where}: networks have no default')
        return
    if 'choices' in allowed:
        faults.extend(f'{where}: {v} is no choice' for v in values if v not in allowed['choices'])
        return
    for v in values:
        if not NUMBER.fullmatch(v) or float(v) < float(allowed['min']) or float(v) > float(allowed.get('max', 'inf')):
            faults.append(f'{where}: the default {v} is not allowed')
    if ('is' in floor) != ('value' in floor):
        faults.append(f'{where}: a floor has both is and value, or neither')
    elif 'is' in floor:
        edge = allowed['min'] if floor['is'] == 'at-least' else allowed.get('max', 'inf')
        if not within(floor['is'], float(edge), float(floor['value'])):
            faults.append(f'{where}: what is allowed goes past the floor {floor["value"]} of {floor["law"]}')


def check_laws(data, rows, parameters, faults):
    laws, sources = by_id(data['laws'], 'laws', faults), {s['id'] for s in data['sources']}
    for law in laws.values():
        faults.extend(f'{law["id"]}: no source {s}' for s in law['sources'] if s not in sources)
        if not law['versions'] and 'published' not in law:
            faults.append(f'{law["id"]}: neither in force nor published')
        if law['kind'] == 'draft' and law['versions']:
            faults.append(f'{law["id"]}: a draft is not in force')
        for earlier, later in zip(law['versions'], law['versions'][1:]):
            if not earlier['from'] <= earlier.get('until', '9') < later['from']:
                faults.append(f'{law["id"]}: versions overlap at {later["from"]}')
    for n in data['numbers']:
        if n['law'] not in laws:
            faults.append(f'{n["id"]}: no law {n["law"]}')
        if ('limit' in n) == ('range' in n):
            faults.append(f'{n["id"]}: a limit or a range')
        faults.extend(f'{n["id"]}: no row {r}' for r in n['rows'] if r not in rows)
        if n.get('parameter', next(iter(parameters))) not in parameters:
            faults.append(f'{n["id"]}: no parameter {n["parameter"]}')


# --- what the files and the code say to one another ---

ENTRY = re.compile(r'\s\[PARAM_\w+\] = \{((?:[^{}"]|"(?:[^"\\]|\\.)*")*)\}')
WORDS = re.compile(r'static const char \*const (\w+)\[\] = \{([^}]*)\}')


def c_table(source):
    """The entries of identity/param.c by id."""
    lists = {m.group(1): re.findall(r'"([^"]*)"', m.group(2)) for m in WORDS.finditer(source)}
    out = {}
    for m in ENTRY.finditer(source):
        texts = re.findall(r'"((?:[^"\\]|\\.)*)"', m.group(1))
        low, high, choices = [x.strip() for x in m.group(1)[m.group(1).rindex('"') + 1:].strip(' ,\n').split(',')]
        if len(texts) != 6:
            raise ValueError(f'{texts[0]}: six texts are expected')
        out[texts[0]] = {'unit': texts[1], 'default': texts[2], 'source': texts[3],
                         'title': {'en': texts[4], 'zh': texts[5]},
                         'allowed': {'choices': lists[choices]} if choices != 'NULL' else
                                    'networks' if high == '0' else {'min': low, 'max': high}}
    return out


def check_code(root, parameters, faults):
    path = os.path.join('src', 'identity', 'param.c')
    with open(os.path.join(root, path), encoding='utf-8') as f:
        source = f.read()
    table = c_table(source)
    if len(table) != len(re.findall(r'(?m)^\s+\[PARAM_\w+\] =', source)) or not table:
        faults.append(f'{path}: its table is not understood')
    for pid, want in table.items():
        if pid not in parameters:
            faults.append(f'{path}: {pid} is not in agreement/parameters.yaml')
            continue
        faults.extend(f'{pid}: {key} is {parameters[pid][key]!r}, in {path} {value!r}' for key, value in want.items()
                      if parameters[pid][key] != value)


# --- own words ---


def bare(s):
    return re.sub(r'[\s*`|"“”]+', ' ', s).strip(' .;。；').casefold()


def texts_of(tree, where):
    if isinstance(tree, dict):
        for k, v in tree.items():
            yield from texts_of(v, f'{where}.{k}') if k != 'id' else ()
    elif isinstance(tree, list):
        for v in tree:
            yield from texts_of(v, f'{where}.{v["id"]}' if isinstance(v, dict) and 'id' in v else where)
    else:
        yield where, tree


def check_words(root, files, faults):
    """Facts, figures and names carry over; a sentence of the register (six words, twelve characters) does not."""
    path = os.environ.get('TROTH_CLAUSES', os.path.join(root, '..', 'shared', 'reference', 'clauses.md'))
    if not os.path.exists(path):
        return
    with open(path, encoding='utf-8') as f:
        reference = bare(f.read())
    for file, tree in files.items():
        for where, value in texts_of(tree, file):
            if where.startswith(f'{file}.title') or ('rows/' not in file and
                                                     where.endswith(('.title.en', '.title.zh', '.where', '.says'))):
                continue # names, and the law's own words
            for sentence in re.split(r'(?<=[.;])\s|[。；]', value):
                one = bare(sentence)
                if (one.count(' ') >= 5 or len(HAN.findall(one)) >= 12) and one in reference:
                    faults.append(f'{where}: word for word from the register: {sentence}')


def check_ids(rows, faults):
    want = [f'{clause}-{n + 1}' for clause, count in ROWS.items() for n in range(count)]
    faults.extend(f'no row {i}' for i in want if i not in rows)
    faults.extend(f'{i}: no such row in the agreement' for i in rows if i not in want)


def check(root):
    faults, files = [], {}
    names = sorted(n for n in os.listdir(os.path.join(root, 'agreement', 'rows')))
    paths = [f'rows/{n}' for n in names] + ['parameters.yaml', 'laws.yaml', 'documents.yaml', 'responsibility.yaml']
    for path in paths:
        files[path] = read(root, f'agreement/{path}', faults)
        if files[path] is not None:
            SHAPES[path.split('/')[0].removesuffix('.yaml')](files[path], path, faults)
    if faults:
        return faults, {} # what follows reads well-formed files only
    all_rows = []
    for path in paths:
        if path.startswith('rows/'):
            clause = files[path]['clause']
            if path != f'rows/{clause}.yaml':
                faults.append(f'{path}: holds clause {clause}')
            faults.extend(f'{path}: {r["id"]} is of another clause' for r in files[path]['rows']
                          if not r['id'].startswith((clause + '-', clause + '.')))
            all_rows += files[path]['rows']
    rows = by_id(all_rows, 'rows', faults)
    check_ids(rows, faults)
    parameters = by_id(files['parameters.yaml']['parameters'], 'parameters.yaml', faults)
    laws = {law['id'] for law in files['laws.yaml']['laws']}
    numbers = by_id(files['laws.yaml']['numbers'], 'laws.yaml', faults)
    documents = by_id(files['documents.yaml']['types'], 'documents.yaml', faults)
    objects = by_id(files['responsibility.yaml']['objects'], 'responsibility.yaml', faults)
    check_laws(files['laws.yaml'], rows, parameters, faults)
    for row in rows.values():
        check_row(row, laws, numbers, documents, parameters, objects, faults)
    for p in parameters.values():
        check_parameter(p, laws, faults)
    for d in documents.values():
        if d['validity'].get('param', next(iter(parameters))) not in parameters:
            faults.append(f'{d["id"]}: no parameter {d["validity"]["param"]}')
        if (d['validity']['rule'] == 'period') != ('param' in d['validity'] or 'value' in d['validity']):
            faults.append(f'{d["id"]}: a period has a length, and nothing else has')
    for o in objects.values():
        faults.extend(f'{o["id"]}: no row {r}' for r in o['rows'] if r not in rows)
    check_code(root, parameters, faults)
    check_words(root, files, faults)
    return faults, rows


def table(rows):
    heads = ['collected', 'collected in part', 'by document', 'by document in part', NOT_MEASURED]
    counts = {}
    for row in rows.values():
        how = 4 if row['collector'] == NOT_MEASURED else 2 * ('documents' in row['collector']) + ('missing' in row)
        counts.setdefault(row['id'].rsplit('-', 1)[0], [0] * len(heads))[how] += 1
    out = [f'| Clause | Rows | {" | ".join(h.capitalize() for h in heads)} |', '|---|' + '---|' * (len(heads) + 1)]
    for clause, line in [*counts.items(), ('all', [sum(c) for c in zip(*counts.values())])]:
        out.append(f'| {clause} | {sum(line)} | {" | ".join(str(n) for n in line)} |')
    return '\n'.join(out)


def main():
    args = [a for a in sys.argv[1:] if a != '--table']
    root = args[0] if args else os.path.join(os.path.dirname(os.path.abspath(__file__)), '..')
    faults, rows = check(root)
    for fault in faults:
        print(fault)
    if not faults and '--table' in sys.argv[1:]:
        print(table(rows))
    return 1 if faults else 0


if __name__ == '__main__':
    sys.exit(main())
