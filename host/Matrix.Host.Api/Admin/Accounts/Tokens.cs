using System.Text.Json;
using Matrix.Host.Api.Client;
using Matrix.Host.Api.Http;
using Matrix.Host.Api.Http.Owners;
using Matrix.Host.Storage.Tables.Accounts;
using Matrix.Host.Users.Administration;

namespace Matrix.Host.Api.Admin.Accounts;

/// <summary>`/_synapse/admin/v1/registration_tokens`.</summary>
internal sealed class Tokens(RegistrationTokens tokens, TimeProvider clock) : IEndpoints
{
    private const int UsualLength = 16;

    private static readonly Answer _unknown = Answer.NotFound("There is no such token.");

    private sealed record NewToken(string? Token, int Length, int? UsesAllowed, long? ExpiresAt);

    private sealed record Limits(bool HasUses, int? UsesAllowed, bool HasExpiry, long? ExpiresAt);

    public void Map(ClientRoutes routes)
    {
        var admin = routes.Of(RouteOwner.Nobody).Admin(1);
        admin.Get("registration_tokens", static query => AdminCalls.ReadFlag(query, "valid"), ListAsync);
        admin.Post("registration_tokens/new", ReadNew, CreateAsync);
        admin.Get("registration_tokens/{token}", GetAsync);
        admin.Put("registration_tokens/{token}", ReadLimits, ChangeAsync);
        admin.Delete("registration_tokens/{token}", DeleteAsync);
    }

    private async ValueTask<Answer> ListAsync(Call call, bool? isValid, CancellationToken stop)
    {
        var all = await tokens.ListAsync(isValid, stop);
        return Answer.Json(all, static (json, all) =>
        {
            json.WriteStartArray("registration_tokens");
            foreach (var row in all)
            {
                json.WriteStartObject();
                Write(json, row);
                json.WriteEndObject();
            }

            json.WriteEndArray();
        });
    }

    // A registration uses its token up when it ends; nothing is reserved while it is going on.
    private static void Write(Utf8JsonWriter json, RegistrationTokenRow row)
    {
        json.WriteString("token", row.Token);
        AdminCalls.WriteNumberOrNull(json, "uses_allowed", row.UsesAllowed);
        json.WriteNumber("pending", 0);
        json.WriteNumber("completed", row.Completed);
        AdminCalls.WriteNumberOrNull(json, "expiry_time", row.ExpiresAt);
    }

    private async ValueTask<Answer> GetAsync(Call call, CancellationToken stop) =>
        await tokens.FindAsync(call["token"], stop) is { } row
            ? Answer.Json(row, Write)
            : _unknown;

    private NewToken ReadNew(BodyReader body)
    {
        var token = body.TextOrNull("token");
        if (token is not null && !RegistrationTokens.IsToken(token))
        {
            body.Refuse(
                MatrixError.InvalidParam,
                $"A token has 1 to {RegistrationTokens.Longest} of the characters A-Z a-z 0-9 . _ ~ -.");
        }

        var length = body.HasNull("length") ? UsualLength : body.Number("length") ?? UsualLength;
        if (length is < 1 or > RegistrationTokens.Longest)
        {
            body.Refuse(MatrixError.InvalidParam, $"`length` must be 1 to {RegistrationTokens.Longest}.");
        }

        var limits = ReadLimits(body);
        return new NewToken(
            token, (int)Math.Clamp(length, 1, RegistrationTokens.Longest), limits.UsesAllowed, limits.ExpiresAt);
    }

    private Limits ReadLimits(BodyReader body)
    {
        var uses = body.HasNull("uses_allowed") ? null : body.Number("uses_allowed");
        if (uses is < 0 or > int.MaxValue)
        {
            body.Refuse(MatrixError.InvalidParam, "`uses_allowed` must be a positive number.");
        }

        var expiry = body.HasNull("expiry_time") ? null : body.Number("expiry_time");
        if (expiry <= clock.GetUtcNow().ToUnixTimeMilliseconds())
        {
            body.Refuse(MatrixError.InvalidParam, "`expiry_time` must be in the future.");
        }

        return new Limits(
            body.Has("uses_allowed"),
            uses is { } count ? (int)Math.Clamp(count, 0, int.MaxValue) : null,
            body.Has("expiry_time"),
            expiry);
    }

    private async ValueTask<Answer> CreateAsync(Call call, NewToken wish, CancellationToken stop)
    {
        var made = await tokens.CreateAsync(
            call.Actor(), wish.Token, wish.Length, wish.UsesAllowed, wish.ExpiresAt, stop);
        return made.IsOk ? Answer.Json(made.Value, Write) : UserAnswers.Of(made.Failure);
    }

    private async ValueTask<Answer> ChangeAsync(Call call, Limits wish, CancellationToken stop)
    {
        var changed = await tokens.ChangeAsync(
            call.Actor(),
            call["token"],
            row => row with
            {
                UsesAllowed = wish.HasUses ? wish.UsesAllowed : row.UsesAllowed,
                ExpiresAt = wish.HasExpiry ? wish.ExpiresAt : row.ExpiresAt,
            },
            stop);
        return changed.IsOk ? Answer.Json(changed.Value, Write) : UserAnswers.Of(changed.Failure);
    }

    private async ValueTask<Answer> DeleteAsync(Call call, CancellationToken stop) =>
        UserAnswers.Empty(await tokens.DeleteAsync(call.Actor(), call["token"], stop));
}
