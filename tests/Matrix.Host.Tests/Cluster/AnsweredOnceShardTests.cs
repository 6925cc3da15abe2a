using Matrix.Host.Api.Http;
using Matrix.Host.Storage.Commits;

namespace Matrix.Host.Tests.Cluster;

/// <summary>Requests that are answered once, of users whose shard this node gives away and takes again.</summary>
internal sealed class AnsweredOnceShardTests
{
    private const string Alice = "@alice:one.test";

    private static CancellationToken Stop => CancellationToken.None;

    [Test]
    public async Task The_shard_closes_after_the_request_that_is_handled_though_its_client_has_gone()
    {
        var shards = new MovableShards();
        var once = new AnsweredOnce(10, shards.Gates);
        var go = new TaskCompletionSource();
        using var gone = new CancellationTokenSource();
        var handled = 0;
        var first = once.OnceAsync(Authority.User(Alice), Alice, "1", HandleAsync, gone.Token).AsTask();
        await gone.CancelAsync();
        Assert.That(async () => await first, Throws.InstanceOf<OperationCanceledException>());

        var closing = shards.CloseAsync(Authority.User(Alice));
        await Task.Delay(20);
        Assert.That(closing.IsCompleted, Is.False);
        go.SetResult();
        await closing;
        Assert.That(
            async () => await once.OnceAsync(Authority.User(Alice), Alice, "1", HandleAsync, Stop),
            Throws.InstanceOf<StorageException>().With.Property(nameof(StorageException.Failure))
                .EqualTo(StorageFailure.NotOwned));
        await once.OnceAsync(Authority.User(OtherThan(Alice)), OtherThan(Alice), "1", HandleAsync, Stop);
        Assert.That(handled, Is.EqualTo(2));

        shards.Open(Authority.User(Alice));
        await once.OnceAsync(Authority.User(Alice), Alice, "1", HandleAsync, Stop);
        Assert.That(handled, Is.EqualTo(2), "the response stays true");

        async ValueTask<Answer> HandleAsync()
        {
            Interlocked.Increment(ref handled);
            await go.Task;
            return Answer.Empty;
        }
    }

    /// <summary>A user of another shard.</summary>
    private static string OtherThan(string userId) => Enumerable.Range(0, 10).Select(static n => $"@{n}:one.test")
        .First(other => Authority.User(other).Shard != Authority.User(userId).Shard);
}
