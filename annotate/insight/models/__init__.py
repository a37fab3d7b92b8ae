"""Tables of reports, maps, queries, studies and what manipulation makes: a module a subject."""
