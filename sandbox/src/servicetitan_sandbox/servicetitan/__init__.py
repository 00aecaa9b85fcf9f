"""A local ServiceTitan.

Requests flow through these modules, of which only the last few know of HTTP:

- :mod:`.documented`: what ServiceTitan's documents say of every list, and nothing of what the tap thinks of them;
- :mod:`.endpoints`: which paths there are, and which of them hand out the same records;
- :mod:`.generate`: the records that a tenant starts with, from the documents' schemas; :mod:`.identity` and
  :mod:`.lineage` say which is which, and whose;
- :mod:`.table`: one entity of one tenant: generated records plus what was changed since, and :mod:`.order` when;
- :mod:`.lists` and :mod:`.feeds`: a page of a list, a page of an export feed;
- :mod:`.reports` and :mod:`.reporting`: what a report is, and a page of its rows;
- :mod:`.readers`: which of these answers what;
- :mod:`.parameters`: what a path may be asked;
- :mod:`.access`: tokens, the app key, the rate limit;
- :mod:`.faults`: what is to go wrong;
- :mod:`.app`: the web application, and :mod:`.control_api`: the part of it that is not ServiceTitan's.
"""
