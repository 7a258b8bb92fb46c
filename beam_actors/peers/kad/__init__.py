"""The DHT's pure parts: ids, the table of contacts, and the search for what is nearest to a key (Kademlia).

Maymounkov and Mazières, "Kademlia: A Peer-to-peer Information System Based on the XOR Metric" (2002), with disjoint
paths as in Baumgart and Mies, "S/Kademlia" (2007). Nothing here touches a clock, a socket or the package's asyncio;
who dials, asks and waits is above. This is the only place that imports `kademlia`.
"""
