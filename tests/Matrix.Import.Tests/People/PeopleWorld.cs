using System.Text.Json.Nodes;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Tables.Accounts;
using Matrix.Import.People;
using Matrix.Import.Runs;
using Matrix.Import.Tests.Runs;
using Microsoft.Extensions.DependencyInjection;

namespace Matrix.Import.Tests.People;

/// <summary>The base of tests of people: a Synapse with users, who go on at the server after the import.</summary>
internal abstract class PeopleWorld(string sourceKind, string targetKind)
    : ImportedServerTests(sourceKind, targetKind)
{
    /// <summary>A time in milliseconds.</summary>
    protected const long Year2023 = 1_700_000_000_000;

    protected const string V1 = "/_synapse/admin/v1/";
    protected const string V2 = "/_synapse/admin/v2/";

    protected override IReadOnlyList<string> Tables => PeopleTables.All;

    protected override IReadOnlyList<IImportPart> Parts => PeopleParts.Accounts;

    /// <summary>An administrator of the server after the import, who was not at Synapse.</summary>
    protected TestUser Operator { get; private set; } = null!;

    /// <summary>Adds a user to Synapse.</summary>
    protected Task UserAsync(string localpart, params (string Column, object? Value)[] more) => Source.InsertAsync(
        "users", [("name", Id(localpart)), ("creation_ts", Year2023 / 1000), .. more]);

    /// <summary>Adds a device to Synapse.</summary>
    protected Task DeviceAsync(string localpart, string deviceId, params (string Column, object? Value)[] more) =>
        Source.InsertAsync("devices", [("user_id", Id(localpart)), ("device_id", deviceId), .. more]);

    /// <summary>Imports and starts the server, with an operator.</summary>
    protected async Task<TestServer> StartWithOperatorAsync(params (string Key, string Value)[] settings)
    {
        var server = await StartImportedAsync(settings);
        Operator = await server.RegistersAsync("operator");
        var change = Batches.New(1).Add(new AdminChanged(Operator.UserId, true));
        await server.Services.GetRequiredService<OpenedStorage>().Writer.WriteAsync(change, Stop);
        return server;
    }

    /// <summary>A client of an imported user, whom the operator logs in as.</summary>
    protected async Task<TestClient> AsAsync(string localpart)
    {
        var login = await Operator.PostAsync($"{V1}users/{Id(localpart)}/login");
        return Client(login.Is(200).Member("access_token"));
    }

    /// <summary>What the operator sees of a user.</summary>
    protected async Task<JsonObject> SeenByOperatorAsync(string localpart) =>
        (await Operator.GetAsync($"{V2}users/{Id(localpart)}")).Is(200).Json;

    /// <summary>The subjects of findings of a kind.</summary>
    protected async Task<IReadOnlyList<string>> LeftOutAsync(string kind) =>
        [.. (await FindingsAsync()).Where(row => row.Kind == kind).Select(static row => row.Subject)];
}
