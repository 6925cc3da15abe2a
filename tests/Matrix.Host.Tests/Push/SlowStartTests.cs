using System.Reflection;
using Matrix.Host.Storage.Tables.Consumers;
using Microsoft.Extensions.DependencyInjection;

namespace Matrix.Host.Tests.Push;

/// <summary>A first start at which pushes begin later than the server serves.</summary>
public sealed class SlowStartTests
{
    [Test]
    public async Task What_comes_before_pushes_have_begun_is_pushed()
    {
        var begins = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var gateway = await PushGateway.StartAsync();
        await using var server = await TestServer.StartAsync();
        server.Replaces = services =>
        {
            var table = services.Last(each => each.ServiceType == typeof(IConsumersTable)).ImplementationInstance!;
            var consumers = DispatchProxy.Create<IConsumersTable, Late>();
            ((Late)(object)consumers).Waits((IConsumersTable)table, begins.Task);
            services.AddSingleton(consumers);
        };
        await server.RestartAsync(gateway.Settings);
        var alice = await server.RegistersAsync("alice");
        var bob = await server.RegistersAsync("bob");
        var room = await alice.CreatesRoomAsync();
        await bob.JoinsAsync(room);
        await gateway.SetAsync(bob);

        var sent = await alice.SaysAsync(room, "early");
        begins.SetResult();

        Assert.That(await gateway.NextEventAsync(), Is.EqualTo(sent));
    }

    /// <summary>The table of positions. That of pushes is read when a task has ended, and is none.</summary>
    public class Late : DispatchProxy
    {
        private IConsumersTable _table = null!;
        private Task _begins = null!;

        internal void Waits(IConsumersTable table, Task begins) => (_table, _begins) = (table, begins);

        protected override object? Invoke(MethodInfo? targetMethod, object?[]? args) =>
            targetMethod!.Name == nameof(IConsumersTable.PositionAsync) && args![0] is "push"
                ? new ValueTask<long?>(NoneAsync())
                : targetMethod.Invoke(_table, args);

        private async Task<long?> NoneAsync()
        {
            await _begins;
            return null;
        }
    }
}
