using Matrix.Host.Rooms.Caching;

namespace Matrix.Host.Tests.Rooms;

internal sealed class ByteCacheTests
{
    [Test]
    public void What_was_read_before_a_newer_value_was_put_does_not_replace_it()
    {
        var cache = new ByteCache<int, string>(10_000, static text => text.Length);
        var stood = (Empty: cache.PutIfAbsent(1, "read"), Taken: "");
        cache.Put(1, "redacted");
        stood.Taken = cache.PutIfAbsent(1, "read");

        Assert.Multiple(() =>
        {
            Assert.That(stood, Is.EqualTo(("read", "redacted")));
            Assert.That(cache.TryGet(1, out var now) ? now : null, Is.EqualTo("redacted"));
        });
    }
}
