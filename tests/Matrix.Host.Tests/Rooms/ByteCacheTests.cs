using Matrix.Host.Storage.Caching;

namespace Matrix.Host.Tests.Rooms;

internal sealed class ByteCacheTests
{
    [Test]
    public void A_value_that_was_read_does_not_replace_a_newer_one()
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

    [Test]
    public void Entries_on_probation_go_before_protected_ones_and_keep_to_their_part()
    {
        // Room for ten entries of 100 bytes, each with 120 of bookkeeping; for four of them on probation.
        var cache = new ByteCache<int, string>(2_200, static _ => 100, 880);
        for (var tried = 1; tried <= 3; tried++) cache.Put(tried, "tried");
        for (var untried = 10; untried < 14; untried++) cache.PutOnProbation(untried, "untried");
        Assert.That(cache.TryGet(10, out _), Is.True);

        for (var more = 20; more < 30; more++) cache.PutOnProbation(more, "untried");

        Assert.Multiple(() =>
        {
            Assert.That(Held(cache, 1, 30), Is.EqualTo(new[] { 1, 2, 3, 10, 26, 27, 28, 29 }));
            Assert.That(cache.Bytes, Is.EqualTo(8 * 220));
        });
    }

    [Test]
    public void Protected_entries_keep_to_the_whole_bound_and_the_least_recently_used_goes_first()
    {
        var cache = new ByteCache<int, string>(2_200, static _ => 100, 880);
        for (var n = 1; n <= 10; n++) cache.Put(n, "tried");
        Assert.That(cache.TryGet(1, out _), Is.True);

        cache.PutOnProbation(11, "untried");
        cache.Put(12, "tried");

        Assert.Multiple(() =>
        {
            Assert.That(Held(cache, 1, 13), Is.EqualTo(new[] { 1, 4, 5, 6, 7, 8, 9, 10, 11, 12 }));
            Assert.That(cache.Bytes, Is.EqualTo(2_200));
        });
    }

    [Test]
    public void An_entry_too_large_for_probation_is_kept_all_the_same()
    {
        var cache = new ByteCache<int, string>(2_200, static text => text.Length, 440);
        cache.PutOnProbation(1, new string('x', 400));
        cache.PutOnProbation(2, "small");
        cache.PutOnProbation(2, "replaced");
        cache.Remove(1);

        Assert.Multiple(() =>
        {
            Assert.That(cache.TryGet(2, out var now) ? now : null, Is.EqualTo("replaced"));
            Assert.That(Held(cache, 1, 3), Is.EqualTo(new[] { 2 }));
            Assert.That(cache.Bytes, Is.EqualTo(120 + "replaced".Length));
        });
    }

    // Asks for each once, so the order of use is lost.
    private static int[] Held(ByteCache<int, string> cache, int first, int end) =>
        [.. Enumerable.Range(first, end - first).Where(key => cache.TryGet(key, out _))];
}
