using Matrix.Host.Storage;
using Matrix.Host.Storage.Commits;

namespace Matrix.Host.Tests.Storage;

/// <summary>What the writer takes at once.</summary>
internal sealed class WriteQueueTests
{
    [Test]
    public void Flushes_that_take_long_are_made_smaller_and_short_ones_greater_again()
    {
        var options = new StorageOptions { Url = "", DataDir = "", ServerName = "", MaxBatchesPerFlush = 64 };
        using var queue = new WriteQueue(options);
        for (var i = 0; i < 200; i++) queue.Submit(new WriteBatch(Authority.Nobody), posted: true);
        var most = TimeSpan.FromMilliseconds(250);

        Assert.That(Taken(), Is.EqualTo(64));
        queue.Adapt(TimeSpan.FromSeconds(1), most);
        queue.Adapt(TimeSpan.FromSeconds(1), most);
        Assert.That(Taken(), Is.EqualTo(16));
        for (var i = 0; i < 20; i++) queue.Adapt(TimeSpan.FromSeconds(1), most);
        Assert.That(Taken(), Is.EqualTo(1));
        queue.Adapt(TimeSpan.FromMilliseconds(100), most);
        Assert.That(Taken(), Is.EqualTo(1));
        for (var i = 0; i < 20; i++) queue.Adapt(TimeSpan.FromMilliseconds(10), most);
        Assert.That(Taken(), Is.EqualTo(64));

        int Taken()
        {
            var batches = new List<WriteBatch>();
            Assert.That(queue.TryTake(batches));
            return batches.Count;
        }
    }
}
