"""RTP and RTCP as bytes and numbers: synchronous, no asyncio, no I/O except one `sendto`."""
