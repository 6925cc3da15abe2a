using Matrix.Core.Event;
using Matrix.Federation.Tests.Support;

namespace Matrix.Federation.Tests.Rooms;

/// <summary>
/// A server, as a process, with a room of alice in which bob of another server is. The other server answers no request
/// for events, so that what they lack is remembered.
/// </summary>
public abstract class UnansweredTests(string databaseKind) : DatabaseTests(databaseKind)
{
    private int _transactions;

    /// <summary>Bob's server.</summary>
    protected PeerServer Peer { get; private set; } = null!;

    protected ServerProcess Server { get; private set; } = null!;

    protected TestUser Alice { get; private set; } = null!;

    protected PeerRoom Room { get; private set; } = null!;

    /// <summary>Variables of the server's environment.</summary>
    private protected virtual (string, string)[] Settings => [];

    [SetUp]
    public async Task StartAsync()
    {
        Peer = await PeerServer.StartAsync();
        Server = await ServerProcess.StartAsync(await NewDatabaseAsync(), Settings);
        Alice = await Server.RegistersAsync("alice");
        Room = await Peer.Peer.JoinsAsync(Server, await Alice.CreatesRoomAsync(version: "11"), "bob");
        Peer.Rooms[Room.RoomId] = Room;
        Peer.Answers = false;
    }

    [TearDown]
    public async Task StopAsync()
    {
        await Server.DisposeAsync();
        await Peer.DisposeAsync();
    }

    /// <summary>Sends events, which are acknowledged, from the server of a room.</summary>
    protected async Task SendAsync(PeerRoom room, params Pdu[] pdus)
    {
        var reply = (await room.SendAsync(Server, $"t{++_transactions}", pdus)).Is(200).Json["pdus"]!.AsObject();
        Assert.That(reply.Select(each => each.Value!.ToJsonString()), Is.All.EqualTo("{}"));
    }

    /// <summary>Waits until the log says that what an event lacks was not found.</summary>
    protected Task LoggedAsync(Pdu pdu) =>
        Until.HoldsAsync(() => Server.Process.LoggedLines($"{pdu.EventId} in {Room.RoomId}").Count > 0);

    /// <summary>Ends the server at once, and starts it again.</summary>
    protected async Task RestartAsync()
    {
        await Server.Process.KillAsync();
        await Server.Process.StartAsync();
    }
}
