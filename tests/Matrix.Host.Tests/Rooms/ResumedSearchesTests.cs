using Matrix.Host.Rooms;
using Matrix.Host.Rooms.Inbound;

namespace Matrix.Host.Tests.Rooms;

/// <summary>When events that waited before a start are searched for.</summary>
internal sealed class ResumedSearchesTests
{
    private readonly ManualTime _time = new();

    [Test]
    public void They_begin_one_after_another_and_all_within_the_longest_pause()
    {
        var searches = new ResumedSearches(
            new ReceivingOptions { ResumedSearchesPerMinute = 60, LongestFetchPause = TimeSpan.FromSeconds(10) },
            _time);
        var now = _time.GetUtcNow().ToUnixTimeMilliseconds();

        long[] times = [.. Enumerable.Range(0, 30).Select(_ => searches.Next() - now)];

        Assert.That(times.Take(11), Is.EqualTo(Enumerable.Range(0, 11).Select(n => n * 1_000L)));
        Assert.That(times, Is.All.InRange(0, 10_000));
        Assert.That(times.GroupBy(at => at).Max(each => each.Count()), Is.LessThanOrEqualTo(3));

        _time.Advance(TimeSpan.FromHours(1));
        Assert.That(searches.Next(), Is.EqualTo(_time.GetUtcNow().ToUnixTimeMilliseconds()));
    }
}
