using System.Globalization;
using System.Text.Json;
using Matrix.Core.Json;
using Matrix.Host.Api.Http;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Tables.KeyBackup;
using Matrix.Host.Users.Keys;

namespace Matrix.Host.Api.Client.KeyBackup;

/// <summary>Backups of room keys: `/room_keys/version`. Client-Server API, "Server-side key backups".</summary>
internal sealed class BackupVersions(IStorage storage, KeyOptions options) : IEndpoints
{
    /// <summary>What a version is: the algorithm is the clients' affair, and so is what it needs to know.</summary>
    private sealed record Version(string Algorithm, byte[] AuthData, string? Named);

    public void Map(ClientRoutes routes)
    {
        routes.Post("room_keys/version", Read, Create);
        routes.Get("room_keys/version", Get);
        routes.Get("room_keys/version/{version}", Get);
        routes.Put("room_keys/version/{version}", Read, Update);
        routes.Delete("room_keys/version/{version}", Delete);
    }

    /// <summary>The number of a version; null for a text that we never gave out.</summary>
    internal static long? NumberOf(string version) =>
        long.TryParse(version, NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : null;

    /// <summary>404: there is no such version.</summary>
    internal static Answer Unknown { get; } = Answer.NotFound("There is no such backup.");

    private async ValueTask<Answer> Create(Call call, Version version, CancellationToken stop)
    {
        if (version.AuthData.Length > options.MaxKeyBytes) return Answer.TooLarge($"`auth_data` exceeds {options.MaxKeyBytes} bytes.");
        var made = new BackupVersionCreated(call.Caller.UserId, version.Algorithm, version.AuthData);
        await storage.Writer.WriteAsync(new WriteBatch().Add(made), stop).ConfigureAwait(false);
        return Answer.Json(made.Version, static (json, number) => WriteVersion(json, number));
    }

    private async ValueTask<Answer> Get(Call call, CancellationToken stop)
    {
        long? number = null;
        if (call["version"] is { Length: > 0 } named)
        {
            number = NumberOf(named);
            if (number is null) return Unknown;
        }

        var found = await storage.KeyBackup.FindVersionAsync(call.Caller.UserId, number, stop).ConfigureAwait(false);
        return found is null ? Unknown : Answer.Json(found, static (json, row) =>
        {
            json.WriteString("algorithm", row.Algorithm);
            json.WritePropertyName("auth_data");
            json.WriteRawValue(row.AuthData.Span, skipInputValidation: true);
            json.WriteNumber("count", row.Count);
            json.WriteString("etag", row.Etag.ToString(CultureInfo.InvariantCulture));
            WriteVersion(json, row.Version);
        });
    }

    private async ValueTask<Answer> Update(Call call, Version version, CancellationToken stop)
    {
        var named = call["version"];
        if (NumberOf(named) is not { } number) return Unknown;
        if (version.Named is { } other && other != named) return Answer.InvalidParam("`version` is not that of the path.");
        if (version.AuthData.Length > options.MaxKeyBytes) return Answer.TooLarge($"`auth_data` exceeds {options.MaxKeyBytes} bytes.");

        var update = new BackupVersionUpdated(call.Caller.UserId, number, version.Algorithm, version.AuthData);
        await storage.Writer.WriteAsync(new WriteBatch().Add(update), stop).ConfigureAwait(false);
        if (update.Applied) return Answer.Empty;

        var found = await storage.KeyBackup.FindVersionAsync(call.Caller.UserId, number, stop).ConfigureAwait(false);
        return found is null ? Unknown : Answer.InvalidParam("`algorithm` is not that of the backup.");
    }

    private async ValueTask<Answer> Delete(Call call, CancellationToken stop)
    {
        if (NumberOf(call["version"]) is not { } number) return Unknown;
        var delete = new BackupVersionDeleted(call.Caller.UserId, number);
        await storage.Writer.WriteAsync(new WriteBatch().Add(delete), stop).ConfigureAwait(false);
        return delete.Applied ? Answer.Empty : Unknown;
    }

    private static Version Read(BodyReader body) => new(
        body.RequiredText("algorithm"),
        CanonicalJson.bytes(Json.NewObject(body.RequiredContent("auth_data"))),
        body.Text("version"));

    private static void WriteVersion(Utf8JsonWriter json, long number) =>
        json.WriteString("version", number.ToString(CultureInfo.InvariantCulture));
}
