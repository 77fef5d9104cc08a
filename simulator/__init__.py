"""A telco and some people, over HTTP: where Kabambe, or any Africa's Talking client, is met.

It speaks the wire of Africa's Talking on both sides and knows nothing of what an application means
by it. Only what dialogues and loads are played on knows Kabambe from inside: `backstage`, `verbs`,
`bills`, `planting`. The page sees no more of it than `inside` is told over HTTP.
"""
