using System.Text;
using Matrix.Core.Json;
using Matrix.Host.Api.Http;
using Matrix.Host.Api.Http.Owners;
using Matrix.Host.Network.Mail;
using Matrix.Host.Network.Urls;
using Matrix.Host.Storage.Tables.Pushers;
using Matrix.Host.Users;
using Matrix.Host.Users.Pushers;

namespace Matrix.Host.Api.Client.Pushers;

/// <summary>Pushers. v1.19 client-server-api#push-notifications</summary>
internal sealed class Pushers(UserPushers pushers, ClientOptions options, Mailer mailer) : IEndpoints
{
    /// <summary>The path that the URL of every push gateway has.</summary>
    private const string GatewayPath = "/_matrix/push/v1/notify";

    private const int MostAppId = 64;
    private const int MostPushKeyBytes = 512;
    private const int MostText = 512;
    private const int MostDataBytes = 8192;

    /// <summary>What is set.</summary>
    /// <param name="Kind">Null if the pusher is deleted.</param>
    private sealed record Set(
        PusherKind? Kind, string AppId, string PushKey, string AppName, string DeviceName, string Lang, string? Tag,
        byte[] Data, bool Append);

    public void Map(ClientRoutes routes)
    {
        // v1.19 client-server-api#get_matrixclientv3pushers
        routes.Of(RouteOwner.Nobody).Get("pushers", ListAsync);
        // v1.19 client-server-api#post_matrixclientv3pushersset
        routes.Of(RouteOwner.Caller).Post("pushers/set", Read, SetAsync, RouteOptions.AlsoSuspended);
    }

    private async ValueTask<Answer> ListAsync(Call call, CancellationToken stop)
    {
        var all = await pushers.OfAsync(call.Caller.UserId, stop);
        return Answer.Json(all, static (json, all) =>
        {
            json.WriteStartArray("pushers");
            foreach (var pusher in all)
            {
                json.WriteStartObject();
                json.WriteString("pushkey", pusher.PushKey);
                json.WriteString("kind", pusher.Kind == PusherKind.Email ? "email" : "http");
                json.WriteString("app_id", pusher.AppId);
                json.WriteString("app_display_name", pusher.AppDisplayName);
                json.WriteString("device_display_name", pusher.DeviceDisplayName);
                if (pusher.ProfileTag is { } tag) json.WriteString("profile_tag", tag);
                json.WriteString("lang", pusher.Lang);
                json.WritePropertyName("data");
                json.WriteRawValue(pusher.Data.Span, skipInputValidation: true);
                json.WriteEndObject();
            }

            json.WriteEndArray();
        });
    }

    private async ValueTask<Answer> SetAsync(Call call, Set set, CancellationToken stop)
    {
        var userId = call.Caller.UserId;
        if (set.Kind == PusherKind.Email && (!mailer.IsConfigured || options.PublicBaseUrl.Length == 0))
        {
            return Answer.InvalidParam("This server sends no mail.");
        }

        if (set.Kind is not { } kind)
        {
            await pushers.DeleteAsync(userId, set.AppId, set.PushKey, stop);
            if (set.AppId == PusherApps.Email
                && MailAddresses.Canonical(set.PushKey) is var address
                && address != set.PushKey)
            {
                await pushers.DeleteAsync(userId, set.AppId, address, stop);
            }

            return Answer.Empty;
        }

        var pusher = new PusherRow(
            0, kind, userId, call.Caller.DeviceId, set.AppId, set.PushKey, set.AppName, set.DeviceName, set.Lang,
            set.Tag, set.Data, 0);
        var failure = await pushers.SetAsync(pusher, set.Append, stop);
        return failure switch
        {
            null => Answer.Empty,

            // The session ended while the request was handled: repeating it does not help.
            { Kind: UserFailureKind.Outdated } => Answer.Error(
                401, MatrixError.UnknownToken, failure.Message, json => json.WriteBoolean("soft_logout", false)),
            _ => UserAnswers.Of(failure, options),
        };
    }

    private static Set Read(BodyReader body)
    {
        var isDeleted = body.HasNull("kind");
        foreach (var name in (string[])(isDeleted
            ? ["app_id", "pushkey"]
            : ["kind", "app_id", "pushkey", "app_display_name", "device_display_name", "lang", "data"]))
        {
            if (!body.Has(name)) body.Refuse(MatrixError.MissingParam, $"`{name}` is missing.");
        }

        var appId = body.RequiredText("app_id");
        var pushKey = body.RequiredText("pushkey");
        if (appId.EnumerateRunes().Count() > MostAppId)
        {
            body.Refuse(MatrixError.InvalidParam, $"`app_id` must have at most {MostAppId} characters.");
        }

        if (Encoding.UTF8.GetByteCount(pushKey) > MostPushKeyBytes)
        {
            body.Refuse(MatrixError.InvalidParam, $"`pushkey` must have at most {MostPushKeyBytes} bytes.");
        }

        if (isDeleted) return new Set(null, appId, pushKey, "", "", "", null, [], false);
        var kind = body.RequiredText("kind");
        var data = body.RequiredContent("data");
        if (kind == "email") CheckAddress(body, appId, pushKey);
        else if (kind != "http") body.Refuse(MatrixError.InvalidParam, "`kind` must be `http`, `email` or null.");
        else if (appId == PusherApps.Email)
        {
            // Such a pusher would take the place of one by mail, whose address was confirmed or not.
            body.Refuse(MatrixError.InvalidParam, $"`app_id` cannot be `{PusherApps.Email}` where `kind` is `http`.");
        }
        else if (body.Problem is null) CheckUrl(body);
        var bytes = CanonicalJson.Bytes(Json.Of(data));
        if (bytes.Length > MostDataBytes)
        {
            body.Refuse(MatrixError.InvalidParam, $"`data` must have at most {MostDataBytes} bytes.");
        }

        if (kind == "email") pushKey = MailAddresses.Canonical(pushKey);
        return new Set(
            kind == "email" ? PusherKind.Email : PusherKind.Http, appId, pushKey, Short(body, "app_display_name"),
            Short(body, "device_display_name"), Short(body, "lang"),
            body.Has("profile_tag") ? Short(body, "profile_tag") : null, bytes, body.Flag("append"));
    }

    private static string Short(BodyReader body, string name)
    {
        var text = body.RequiredText(name);
        if (text.Length <= MostText) return text;
        body.Refuse(MatrixError.InvalidParam, $"`{name}` must have at most {MostText} characters.");
        return "";
    }

    private static void CheckAddress(BodyReader body, string appId, string address)
    {
        if (appId != PusherApps.Email) body.Refuse(MatrixError.InvalidParam, $"`app_id` must be `{PusherApps.Email}`.");
        if (!MailAddresses.IsAddress(address))
        {
            body.Refuse(MatrixError.InvalidParam, "`pushkey` must be a mail address.");
        }
    }

    private static void CheckUrl(BodyReader body)
    {
        var data = body.RequiredInner("data");
        if (!data.Has("url"))
        {
            body.Refuse(MatrixError.MissingParam, "`data.url` is missing.");
            return;
        }

        // The address is checked when it is pushed to: a name may lead elsewhere by then.
        if (!Uri.TryCreate(data.RequiredText("url"), UriKind.Absolute, out var url)
            || url.Scheme != Uri.UriSchemeHttps
            || url.AbsolutePath != GatewayPath
            || url.Query.Length > 0
            || url.Fragment.Length > 0
            || url.UserInfo.Length > 0
            || url.HostNameType is UriHostNameType.Unknown or UriHostNameType.Basic
            || !UrlHosts.TryGet(url, out _))
        {
            body.Refuse(MatrixError.InvalidParam, $"`data.url` must be an https URL with the path {GatewayPath}.");
        }

        if (data.Text("format") is { } format && format != "event_id_only")
        {
            body.Refuse(MatrixError.InvalidParam, "`data.format` must be `event_id_only`, or left out.");
        }
    }
}
