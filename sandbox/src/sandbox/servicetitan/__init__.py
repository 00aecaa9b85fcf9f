"""A local ServiceTitan.

Requests flow through these modules, the first three of which know nothing of HTTP:

- :mod:`.generate`: the records that a tenant starts with, from the streams' JSON Schemas;
- :mod:`.table`: one stream of one tenant: generated records plus what was changed since;
- :mod:`.lists` and :mod:`.feeds`: a page of a list, a page of an export feed;
- :mod:`.endpoints`: which paths there are and what each of them understands;
- :mod:`.access`: tokens, the app key, the rate limit;
- :mod:`.faults`: what is to go wrong;
- :mod:`.app`: the web application, and :mod:`.control_api`: the part of it that is not ServiceTitan's.
"""
