using System.Globalization;
using System.Text.Json;
using Matrix.Core.Json;
using Matrix.Host.Api.Http;
using Matrix.Host.Api.Http.Owners;
using Matrix.Host.Users.KeyBackup;

namespace Matrix.Host.Api.Client.KeyBackup;

/// <summary>Backups of room keys: `/room_keys/version`. v1.19 client-server-api#server-side-key-backups</summary>
internal sealed class BackupVersions(KeyBackups backups) : IEndpoints
{
    /// <summary>404: there is no such version.</summary>
    internal static Answer Unknown { get; } = UserAnswers.Of(KeyBackups.Unknown);

    public void Map(ClientRoutes routes)
    {
        // v1.19 client-server-api#post_matrixclientv3room_keysversion
        routes.Of(RouteOwner.Nobody).Post("room_keys/version", Read, Create, RouteOptions.AlsoSuspended);
        // v1.19 client-server-api#get_matrixclientv3room_keysversion
        routes.Of(RouteOwner.Nobody).Get("room_keys/version", Get);
        // v1.19 client-server-api#get_matrixclientv3room_keysversionversion
        routes.Of(RouteOwner.Nobody).Get("room_keys/version/{version}", Get);
        // v1.19 client-server-api#put_matrixclientv3room_keysversionversion
        routes.Of(RouteOwner.Nobody).Put("room_keys/version/{version}", Read, Update, RouteOptions.AlsoSuspended);
        // v1.19 client-server-api#delete_matrixclientv3room_keysversionversion
        routes.Of(RouteOwner.Nobody).Delete("room_keys/version/{version}", Delete, RouteOptions.AlsoSuspended);
    }

    private async ValueTask<Answer> Create(Call call, BackupVersionInfo info, CancellationToken stop)
    {
        var made = await backups.CreateAsync(call.Caller.UserId, info, stop);
        return made.IsOk
            ? Answer.Json(made.Value, static (json, number) => WriteVersion(json, number))
            : UserAnswers.Of(made.Failure);
    }

    private async ValueTask<Answer> Get(Call call, CancellationToken stop)
    {
        var version = call["version"] is { Length: > 0 } named ? named : null;
        var found = await backups.FindAsync(call.Caller.UserId, version, stop);
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

    private async ValueTask<Answer> Update(Call call, BackupVersionInfo info, CancellationToken stop) =>
        UserAnswers.Empty(await backups.UpdateAsync(call.Caller.UserId, call["version"], info, stop));

    private async ValueTask<Answer> Delete(Call call, CancellationToken stop) =>
        await backups.DeleteAsync(call.Caller.UserId, call["version"], stop)
            ? Answer.Empty
            : Unknown;

    private static BackupVersionInfo Read(BodyReader body) => new(
        body.RequiredText("algorithm"),
        CanonicalJson.Bytes(Json.Of(body.RequiredContent("auth_data"))),
        body.Text("version"));

    private static void WriteVersion(Utf8JsonWriter json, long number) =>
        json.WriteString("version", number.ToString(CultureInfo.InvariantCulture));
}
