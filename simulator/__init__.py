"""A telco and some people, over HTTP: where Kabambe, or any Africa's Talking client, is met.

It speaks the wire of Africa's Talking on both sides and knows nothing of what an application means
by it. Only `backstage` knows Kabambe from inside, and only dialogues and throwaway worlds use it.
"""
