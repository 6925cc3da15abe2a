using System.Text.Json.Nodes;
using Matrix.Host.Tests.Push;

namespace Matrix.Host.Tests.ThirdPartyIds;

/// <summary>Mail about notifications to addresses of the account.</summary>
[TestFixtureSource(typeof(TestDatabase), nameof(TestDatabase.Kinds))]
internal sealed class PusherAddressTests(string kind)
{
    private const string Address = "alice@mail.example";

    private AddressWorld _world = null!;
    private TestUser _alice = null!;
    private TestUser _bob = null!;
    private string _room = null!;

    [SetUp]
    public async Task StartAsync()
    {
        _world = await AddressWorld.StartAsync(
            kind, ("email.delay", "10ms"), ("email.interval", "10ms"), ("push.first_pause", "10ms"));
        _alice = await _world.Server.RegistersAsync("alice");
        _bob = await _world.Server.RegistersAsync("bob");
        _room = await _bob.CreatesRoomAsync();
        await _alice.JoinsAsync(_room);
    }

    [TearDown]
    public async Task StopAsync() => await _world.DisposeAsync();

    private Task<Reply> SetsPusherAsync(string address) => _alice.PostAsync("pushers/set", new JsonObject
    {
        ["kind"] = "email",
        ["app_id"] = "m.email",
        ["pushkey"] = address,
        ["app_display_name"] = "Mail",
        ["device_display_name"] = address,
        ["lang"] = "en",
        ["data"] = new JsonObject(),
    });

    private async Task<CameMail> NextAfterAsync(string text)
    {
        await _bob.SaysAsync(_room, text);
        return await _world.Smtp.NextAsync();
    }

    private async Task<int> PushersAsync() =>
        (await _alice.GetAsync("pushers")).Is(200).Json["pushers"]!.AsArray().Count;

    [TestCase(true)]
    [TestCase(false)]
    public async Task An_address_that_the_account_has_confirmed_gets_mail_at_once(bool wasSetBefore)
    {
        if (wasSetBefore)
        {
            (await SetsPusherAsync(Address)).Is(200);
            Assert.That((await _world.Smtp.NextAsync()).Header("Subject"), Does.StartWith("Confirm notifications"));
        }

        await _world.AddsAsync(_alice, Address);
        (await SetsPusherAsync(Address)).Is(200);

        var mail = await NextAfterAsync("hello");

        Assert.That(mail.Header("Subject"), Does.Not.Contain("Confirm"));
        Assert.That(mail.Bodies[0], Does.Contain("hello"));
    }

    [Test]
    public async Task An_address_of_another_account_or_of_none_is_asked_first()
    {
        await _world.AddsAsync(_bob, "bob@mail.example");
        (await SetsPusherAsync("bob@mail.example")).Is(200);
        Assert.That((await NextAfterAsync("hello")).Header("Subject"), Does.StartWith("Confirm notifications"));
    }

    [Test]
    public async Task An_address_that_the_account_loses_gets_no_more_mail()
    {
        await _world.AddsAsync(_alice, Address);
        (await SetsPusherAsync(Address)).Is(200);
        Assert.That(await PushersAsync(), Is.EqualTo(1));

        (await _alice.PostAsync(
            "account/3pid/delete", new JsonObject { ["medium"] = "email", ["address"] = Address })).Is(200);

        Assert.That(await PushersAsync(), Is.EqualTo(0));
    }
}
