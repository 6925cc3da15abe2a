using System.Reflection;
using Matrix.Host.Outbound.Push;
using Matrix.Host.Outbound.Queue;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Tables.Pushers;
using Matrix.Host.Tests.Support;
using Microsoft.Extensions.Logging.Abstractions;

namespace Matrix.Host.Tests.Push;

/// <summary>A pusher whose turn fails in a way that nothing provides for.</summary>
public sealed class FaultyTurnTests
{
    [Test]
    public async Task What_is_owed_waits_for_another_turn()
    {
        var time = new ManualTime();
        using var log = new PushLog(NullLogger<PushLog>.Instance, time);
        var options = new PushOptions { FirstPause = TimeSpan.FromSeconds(1) };
        var services = new PusherServices(
            options, DispatchProxy.Create<IStorage, Broken>(), null!, null!, null!, null!, null!, log, time, default);
        var sender = new PusherSender(new PusherName(1, "@a:hs", PusherKind.Http), services);

        var first = await sender.TakeTurnAsync(default);
        var second = await sender.TakeTurnAsync(default);

        var now = time.GetUtcNow().ToUnixTimeMilliseconds();
        Assert.That(first, Is.EqualTo(TurnEnd.Later(now + 1000)));
        Assert.That(second, Is.EqualTo(TurnEnd.Later(now + 2000)));
    }

    /// <summary>A storage of which nothing works.</summary>
    public class Broken : DispatchProxy
    {
        protected override object? Invoke(MethodInfo? targetMethod, object?[]? args) =>
            throw new InvalidOperationException("A fault of a library.");
    }
}
