using Matrix.Import.Runs;

namespace Matrix.Import.Tests.People;

/// <summary>Addresses, identities at providers and profiles after an import.</summary>
internal sealed class IdentityTests(string sourceKind, string targetKind) : PeopleWorld(sourceKind, targetKind)
{
    private const string Issuer = "https://id.example.org/";

    [Test]
    public async Task Users_have_their_addresses_in_the_form_of_the_specification()
    {
        await UserAsync("alice");
        await UserAsync("bob");
        await AddressAsync("alice", "email", "Alice@Example.ORG");
        await AddressAsync("bob", "email", "alice@example.org");
        await AddressAsync("bob", "email", "nonsense");
        await AddressAsync("bob", "msisdn", "447700900123");
        await AddressAsync("nobody", "email", "nobody@example.org");
        await Source.InsertAsync(
            "user_threepid_id_server", ("user_id", Id("bob")), ("medium", "msisdn"), ("address", "447700900123"),
            ("id_server", "vector.im"));

        await ImportAsync();

        await using var target = await OpenTargetAsync(numbers: null);
        var all = (await target.ThirdPartyIds.OfUserAsync(Id("alice"), Stop))
            .Concat(await target.ThirdPartyIds.OfUserAsync(Id("bob"), Stop));
        Assert.That(
            all.Select(static row => (row.UserId, row.Medium, row.Address, row.ValidatedAt, row.AddedAt)),
            Is.EqualTo(new[]
            {
                (Id("alice"), "email", "alice@example.org", Year2023, Year2023 + 1),
                (Id("bob"), "msisdn", "447700900123", Year2023, Year2023 + 1),
            }));
        var bindings = await target.ThirdPartyIds.BindingsAsync(Id("bob"), Stop);
        Assert.That(bindings.Select(static row => row.IdServer), Is.EqualTo(new[] { "vector.im" }));
        Assert.That(
            (await target.Imports.FindingsAsync("", 0, 10, Stop)).Select(static row => (row.Kind, row.Subject)),
            Is.EquivalentTo(new[]
            {
                ("mail addresses", Id("bob")), ("mail addresses", Id("bob")), ("mail addresses", Id("nobody")),
            }));
    }

    [Test]
    public async Task People_of_a_known_provider_have_their_accounts_and_others_are_named()
    {
        Settings = new SourceSettings
        {
            IdentityProviders = new Dictionary<string, string> { ["oidc-company"] = Issuer },
        };
        await UserAsync("alice");
        await UserAsync("bob");
        await DeviceAsync("alice", "PHONE");
        await IdentityAsync("alice", "oidc-company", "sub-1");
        await IdentityAsync("alice", "oidc-company", "sub-2");
        await IdentityAsync("bob", "saml", "bob");
        await Source.InsertAsync(
            "device_auth_providers", ("user_id", Id("alice")), ("device_id", "PHONE"),
            ("auth_provider_id", "oidc-company"), ("auth_provider_session_id", "session-1"));
        await Source.InsertAsync(
            "device_auth_providers", ("user_id", Id("alice")), ("device_id", "PHONE"),
            ("auth_provider_id", "oidc-company"), ("auth_provider_session_id", "session-2"));

        await ImportAsync();

        await using var target = await OpenTargetAsync(numbers: null);
        Assert.That(await target.SingleSignOn.FindUserAsync(Issuer, "sub-1", Stop), Is.EqualTo(Id("alice")));
        Assert.That(
            (await target.SingleSignOn.SessionsAsync(Issuer, "session-1", 10, Stop)).Single().DeviceId,
            Is.EqualTo("PHONE"));
        Assert.That(
            (await target.Imports.FindingsAsync("", 0, 10, Stop)).Select(static row => row.Subject),
            Is.EquivalentTo(new[] { Id("alice"), Id("bob") }));
    }

    [Test]
    public async Task Profiles_have_all_their_fields()
    {
        await UserAsync("alice");
        await UserAsync("bob");
        await ProfileAsync("alice", ("displayname", "Älice \"A\""), ("avatar_url", "mxc://test.example/abc"),
            ("fields", """{"m.tz": "Europe/Berlin", "org.example.job": {"title": "cook", "years": 3}}"""));
        await Source.InsertAsync("profiles", ("user_id", "bob"), ("displayname", "Bob"), ("avatar_url", ""));
        await ProfileAsync("nobody", ("displayname", "Nobody"));

        await StartWithOperatorAsync();

        var alice = (await Operator.GetAsync($"profile/{Id("alice")}")).Is(200).Json;
        Assert.That((string?)alice["displayname"], Is.EqualTo("Älice \"A\""));
        Assert.That((string?)alice["avatar_url"], Is.EqualTo("mxc://test.example/abc"));
        Assert.That((string?)alice["m.tz"], Is.EqualTo("Europe/Berlin"));
        Assert.That((int)alice["org.example.job"]!["years"]!, Is.EqualTo(3));
        Assert.That(
            (await Operator.GetAsync($"profile/{Id("bob")}")).Is(200).Text, Is.EqualTo("""{"displayname":"Bob"}"""));
        await StopServerAsync();
        Assert.That(await LeftOutAsync("profiles"), Is.EqualTo(new[] { Id("nobody") }));
    }

    private Task AddressAsync(string localpart, string medium, string address) => Source.InsertAsync(
        "user_threepids", ("user_id", Id(localpart)), ("medium", medium), ("address", address),
        ("validated_at", Year2023), ("added_at", Year2023 + 1));

    private Task IdentityAsync(string localpart, string provider, string subject) => Source.InsertAsync(
        "user_external_ids", ("auth_provider", provider), ("external_id", subject), ("user_id", Id(localpart)));

    private Task ProfileAsync(string localpart, params (string Column, object? Value)[] more) =>
        Source.InsertAsync("profiles", [("user_id", localpart), ("full_user_id", Id(localpart)), .. more]);
}
