namespace Matrix.Host.Tests;

/// <summary>When memory is returned to the system: after a burst, once the server is quiet, and once more.</summary>
public sealed class IdleMemoryTests
{
    private const long MiB = 1 << 20;

    [Test]
    public void Memory_is_returned_when_the_server_is_quiet_after_a_burst_and_once_more()
    {
        using var memory = new IdleMemory(TimeProvider.System);

        Assert.That(memory.IsDue(100 * MiB, MiB), Is.False, "much was allocated since the last look");
        Assert.That(memory.IsDue(100 * MiB, MiB), Is.True);
        var later = Enumerable.Range(1, 20).Where(_ => memory.IsDue(100 * MiB, MiB));
        Assert.That(later, Is.EqualTo((int[])[6]));
    }

    [Test]
    public void A_server_that_is_at_work_or_has_allocated_little_returns_nothing()
    {
        using var memory = new IdleMemory(TimeProvider.System);

        Assert.That(Enumerable.Range(1, 50).Select(n => memory.IsDue(n * 2 * MiB, MiB)), Has.None.True, "at work");
        Assert.That(memory.IsDue(100 * MiB, MiB), Is.True);
        Assert.That(
            Enumerable.Range(1, 6).Where(_ => memory.IsDue(100 * MiB, MiB)), Is.EqualTo((int[])[6]), "once more");
        Assert.That(
            Enumerable.Range(0, 120).Select(n => memory.IsDue((100 * MiB) + (n * MiB / 2), MiB)),
            Has.None.True,
            "little");
    }

    [Test]
    public void A_large_heap_is_collected_after_more()
    {
        using var memory = new IdleMemory(TimeProvider.System);

        Assert.That(Enumerable.Range(1, 2).Select(_ => memory.IsDue(400 * MiB, 1000 * MiB)), Has.None.True);
        Assert.That(Enumerable.Range(1, 2).Select(_ => memory.IsDue(600 * MiB, 1000 * MiB)), Has.One.True);
    }

    [Test]
    public void Returning_memory_leaves_what_is_in_use()
    {
        var kept = new byte[1000];
        Random.Shared.NextBytes(kept);
        var copy = kept.ToArray();

        IdleMemory.Return();

        Assert.That(kept, Is.EqualTo(copy));
    }
}
