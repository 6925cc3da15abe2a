using Matrix.Host.Storage;
using Matrix.Host.Streams.Notifying;
using Matrix.Host.Sync.Sliding;

namespace Matrix.Host.Tests.SlidingSync;

/// <summary>The stored form of a connection.</summary>
internal sealed class ConnectionEncodingTests
{
    private static readonly UserDevice _owner = new("@a:hs", "D");
    private static readonly SlidingPos _pos = new(7, new SyncToken(5, 1, 0));

    [Test]
    public void The_position_of_any_extension_is_stored_under_its_name()
    {
        var connection = new SlidingConnection(_owner, "main");
        connection.State.Apply(new PendingAnswer { Pos = _pos, Positions = new() { ["org.example.new"] = 3 } });
        connection.Pending = new PendingAnswer
        {
            Pos = _pos with { Number = 8 },
            Positions = new() { ["to_device"] = 4 },
        };

        var read = ConnectionEncoding.Read(_owner, "main", ConnectionEncoding.Write(connection));

        Assert.That(read!.State.Positions, Is.EqualTo(new Dictionary<string, long> { ["org.example.new"] = 3 }));
        Assert.That(read.Pending!.Positions, Is.EqualTo(new Dictionary<string, long> { ["to_device"] = 4 }));
    }

    [Test]
    public void A_connection_that_was_stored_with_three_positions_is_read()
    {
        using var stream = new MemoryStream();
        using var writer = new BinaryWriter(stream);
        writer.Write((byte)4);
        writer.Write(0);
        writer.Write(_pos.ToString());
        writer.Write(0);
        writer.Write(0);
        writer.Write("");
        foreach (var position in new[] { 10, 20, 30 }) writer.Write7BitEncodedInt64(position);
        writer.Write(true);
        writer.Write(false);
        writer.Flush();

        var read = ConnectionEncoding.Read(_owner, "main", stream.ToArray());

        Assert.That(read!.State.IsCut);
        Assert.That(
            read.State.Positions,
            Is.EqualTo(new Dictionary<string, long>
            {
                ["account_data"] = 10,
                ["to_device"] = 20,
                ["thread_subscriptions"] = 30,
            }));
    }

    [Test]
    public void Another_form_is_not_read() =>
        Assert.That(ConnectionEncoding.Read(_owner, "main", new byte[] { 3 }), Is.Null);
}
