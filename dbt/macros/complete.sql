{#
    A table with every column that the package describes: NULL where the table lacks one, as it does when the tap's
    setting `pii` drops fields. The types are those of the file of sources. The warehouse is asked when a model is built,
    and not while dbt only parses.
#}
{% macro complete(relation) -%}
    {%- if not execute -%}
        {{ relation }}
    {%- else -%}
        {%- set types = {} -%}
        {%- for table in graph.sources.values() if table.package_name == 'servicetitan' and table.name == relation.identifier -%}
            {%- for column in table.columns.values() -%}
                {%- do types.update({column.name: column.data_type}) -%}
            {%- endfor -%}
        {%- endfor -%}
        {%- set found = {} -%}
        {%- for column in adapter.get_columns_in_relation(relation) -%}
            {%- do found.update({column.name | lower: column.fields | map(attribute='name') | map('lower') | list}) -%}
        {%- endfor -%}
        {%- set added = [] -%}
        {%- set replaced = [] -%}
        {%- for name in types if '.' not in name and found -%}
            {%- if name not in found -%}
                {%- do added.append(null_column(types, name, name)) -%}
            {%- elif types[name] == 'struct' -%}
                {%- set fields = [] -%}
                {%- for inner in found[name] -%}
                    {%- do fields.append('`' ~ name ~ '`.`' ~ inner ~ '` as `' ~ inner ~ '`') -%}
                {%- endfor -%}
                {%- for inner in fields_of(types, name).split() if inner not in found[name] -%}
                    {%- do fields.append(null_column(types, name ~ '.' ~ inner, inner)) -%}
                {%- endfor -%}
                {%- if fields | length > found[name] | length -%}
                    {%- set row = 'struct(' ~ fields | join(', ') ~ ')' -%}
                    {%- do replaced.append('if(`' ~ name ~ '` is null, null, ' ~ row ~ ') as `' ~ name ~ '`') -%}
                {%- endif -%}
            {%- endif -%}
        {%- endfor -%}
        {%- if added or replaced -%}
            (select * {{ 'replace (' ~ replaced | join(', ') ~ ')' if replaced }}{% for column in added %}, {{ column }}{% endfor %} from {{ relation }})
        {%- else -%}
            {{ relation }}
        {%- endif -%}
    {%- endif -%}
{%- endmacro %}

{# The names of the fields of a STRUCT, with blanks between them. #}
{% macro fields_of(types, name) -%}
    {%- for column in types if column.startswith(name ~ '.') and '.' not in column[name | length + 1:] -%}
        {{ column[name | length + 1:] }}{{ ' ' }}
    {%- endfor -%}
{%- endmacro %}

{# A NULL of a column's type. #}
{% macro null_column(types, name, alias) -%}
    cast(null as {{ full_type(types, name) }}) as `{{ alias }}`
{%- endmacro %}

{# The type of a column as SQL has it, with the fields of a STRUCT. #}
{% macro full_type(types, name) -%}
    {%- set one = types[name] | replace('ARRAY of ', '') | lower -%}
    {%- set fields = [] -%}
    {%- for inner in fields_of(types, name).split() if one == 'struct' -%}
        {%- do fields.append('`' ~ inner ~ '` ' ~ full_type(types, name ~ '.' ~ inner)) -%}
    {%- endfor -%}
    {%- set type = 'struct<' ~ fields | join(', ') ~ '>' if one == 'struct' else one -%}
    {{- 'array<' ~ type ~ '>' if types[name].startswith('ARRAY') else type -}}
{%- endmacro %}
