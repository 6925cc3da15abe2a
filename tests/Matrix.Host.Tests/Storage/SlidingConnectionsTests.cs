using System.Text;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Tables.SlidingConnections;

namespace Matrix.Host.Tests.Storage;

/// <summary>The table of connections of sliding sync.</summary>
internal sealed class SlidingConnectionsTests(string kind) : StorageTests(kind)
{
    private static readonly UserDevice _device = new("@alice:test.example", "D");

    private static SlidingConnectionSaved Saved(string name, long at, int most = 9) =>
        new(_device, name, at, Encoding.UTF8.GetBytes(name + at), Number: at, most);

    [Test]
    public async Task The_last_form_of_a_connection_is_found_unless_it_is_too_old()
    {
        await Write(Saved("a", 10), Saved("a", 20));
        Assert.That(await TextAsync("a", since: 20), Is.EqualTo("a20"));
        Assert.That(await TextAsync("a", since: 21), Is.Null);
        Assert.That(await TextAsync("b", since: 0), Is.Null);
    }

    [Test]
    public async Task The_connections_used_last_are_kept()
    {
        await Write(Saved("a", 10), Saved("b", 30), Saved("c", 20, most: 2));
        Assert.That(await TextAsync("a", 0), Is.Null);
        Assert.That(await TextAsync("b", 0), Is.EqualTo("b30"));
        Assert.That(await TextAsync("c", 0), Is.EqualTo("c20"));

        await Write(new SlidingConnectionsExpired(25));
        Assert.That(await TextAsync("c", 0), Is.Null);
        Assert.That(await TextAsync("b", 0), Is.EqualTo("b30"));
    }

    [Test]
    public async Task A_connection_advances_from_the_response_that_the_database_has()
    {
        await Write(Saved("a", 10));
        Assert.That(await Applies(Advanced(20, after: 10)), Is.True);
        Assert.That(await Applies(Advanced(30, after: 10)), Is.False, "an older one");
        Assert.That(await TextAsync("a", 0), Is.EqualTo("20"));
        Assert.That(await Store.SlidingConnections.NumberAsync(_device, "a", 0, Stop), Is.EqualTo(20));
        Assert.That(await Store.SlidingConnections.NumberAsync(_device, "a", 21, Stop), Is.Null, "too old");

        await Write(new SlidingConnectionsExpired(25));
        Assert.That(await Applies(Advanced(40, after: 20)), Is.False, "one that is gone");

        static SlidingConnectionAdvanced Advanced(long number, long after) =>
            new(_device, "a", number, Encoding.UTF8.GetBytes($"{number}"), number, after);
    }

    private async Task<string?> TextAsync(string name, long since) =>
        await Store.SlidingConnections.FindAsync(_device, name, since, Stop) is { } state
            ? Encoding.UTF8.GetString(state.State.Span)
            : null;
}
