using Matrix.Host.Api.Client;
using Matrix.Host.Api.Http;
using Matrix.Host.Api.Http.Owners;
using Matrix.Host.Storage.Tables.RateLimits;
using Matrix.Host.Users.Administration;

namespace Matrix.Host.Api.Admin.Accounts;

/// <summary>
/// `/_synapse/admin/v1/users/{userId}/override_ratelimit`: how much a user may send. 0 messages in a second are no
/// limit.
/// </summary>
internal sealed class RateLimits(RateOverrides overrides, UserAdministration users, UserRateLimits limits) : IEndpoints
{
    private const string Path = "users/{userId}/override_ratelimit";

    private sealed record Limit(int PerSecond, int Burst);

    public void Map(ClientRoutes routes)
    {
        var admin = routes.Of(RouteOwner.Nobody).Admin(1);
        admin.Get(Path, GetAsync);
        admin.Post(Path, Read, SetAsync);
        admin.Delete(Path, DeleteAsync);
    }

    private static Limit Read(BodyReader body)
    {
        return new Limit(Of("messages_per_second"), Of("burst_count"));

        int Of(string name)
        {
            var number = body.HasNull(name) ? 0 : body.Number(name) ?? 0;
            if (number is < 0 or > int.MaxValue)
            {
                body.Refuse(MatrixError.InvalidParam, $"`{name}` must not be negative.");
            }

            return (int)Math.Clamp(number, 0, int.MaxValue);
        }
    }

    private async ValueTask<Answer> GetAsync(Call call, CancellationToken stop)
    {
        var found = await users.FindAsync(call["userId"], stop);
        return found.IsOk
            ? Of(overrides.Find(call["userId"]) is { } rate ? new Limit((int)rate.PerSecond, (int)rate.Burst) : null)
            : UserAnswers.Of(found.Failure);
    }

    private async ValueTask<Answer> SetAsync(Call call, Limit limit, CancellationToken stop)
    {
        var userId = call["userId"];
        var found = await users.FindAsync(userId, stop);
        if (!found.IsOk) return UserAnswers.Of(found.Failure);
        await limits.SetAsync(call.Actor(), new UserRateLimit(userId, limit.PerSecond, limit.Burst), stop);
        return Of(limit);
    }

    private async ValueTask<Answer> DeleteAsync(Call call, CancellationToken stop)
    {
        var found = await users.FindAsync(call["userId"], stop);
        if (!found.IsOk) return UserAnswers.Of(found.Failure);
        await limits.RemoveAsync(call.Actor(), call["userId"], stop);
        return Answer.Empty;
    }

    private static Answer Of(Limit? limit) => Answer.Json(limit, static (json, limit) =>
    {
        if (limit is null) return;
        json.WriteNumber("messages_per_second", limit.PerSecond);
        json.WriteNumber("burst_count", limit.Burst);
    });
}
