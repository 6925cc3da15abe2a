using System.Text;
using System.Text.Json.Nodes;
using Matrix.Host.Storage.Tables.ToDevice;
using Matrix.Host.Tests.SlidingSync;

namespace Matrix.Host.Tests.Imported;

/// <summary>Sliding sync after an import.</summary>
[TestFixtureSource(typeof(TestDatabase), nameof(TestDatabase.Kinds))]
internal sealed class ImportedSlidingTests(string kind)
{
    private const long Past = ImportedServer.Past;

    private ImportedServer _imported = null!;
    private TestUser _bob = null!;

    [SetUp]
    public async Task StartAsync()
    {
        _imported = await ImportedServer.StartAsync(kind);
        _bob = await _imported.Server.RegistersAsync("bob");
    }

    [TearDown]
    public async Task StopAsync() => await _imported.DisposeAsync();

    [Test]
    public async Task A_position_of_Synapse_is_unknown_so_that_the_client_begins_anew()
    {
        await _imported.ImportAsync();
        var reply = await SlidesAsync(null, "1/s40_4_0_1_1_1_1_3_0_1_1_1_1_1");
        reply.Is(400, "M_UNKNOWN_POS");
    }

    [Test]
    public async Task Messages_to_the_device_go_on_from_the_number_that_Synapse_gave()
    {
        await _imported.ImportAsync((Past + 501, Message("one")), (Past + 502, Message("two")));

        var first = (await SlidesAsync($"{Past + 501}", null)).Is(200).Json["extensions"]!["to_device"]!;
        Assert.That(first["events"]!.AsArray().Select(each => (string)each!["type"]!), Is.EqualTo(new[] { "two" }));
        var next = (string)first["next_batch"]!;
        Assert.That(next, Does.StartWith("d1_"));
        var second = (await SlidesAsync(next, null)).Is(200).Json["extensions"]!["to_device"]!;
        Assert.That(second["events"], Is.Null);
    }

    [Test]
    public async Task A_number_that_Synapse_did_not_give_is_no_token_of_messages()
    {
        (await SlidesAsync("501", null)).Is(400, "M_INVALID_PARAM");
        await _imported.ImportAsync();
        (await SlidesAsync("1000000001", null)).Is(400, "M_INVALID_PARAM");
    }

    private ToDeviceSent Message(string type) => new(
        _bob.UserId, _bob.DeviceId, Encoding.UTF8.GetBytes($"{{\"type\":\"{type}\",\"content\":{{}}}}"));

    private Task<Reply> SlidesAsync(string? toDevice, string? pos)
    {
        var extension = new JsonObject { ["enabled"] = true };
        if (toDevice is not null) extension["since"] = toDevice;
        var query = pos is null ? "" : "&pos=" + UserActions.Esc(pos);
        return _bob.PostAsync(
            $"{SlidingUsers.Unstable}?timeout=0{query}",
            new JsonObject { ["extensions"] = new JsonObject { ["to_device"] = extension } });
    }
}
