using Matrix.Host.Api.Http;
using Matrix.Host.Api.Http.Owners;
using Matrix.Host.Rooms.UserDirectory;

namespace Matrix.Host.Api.Client.UserDirectory;

/// <summary>Searches of the user directory. v1.19 client-server-api#user-directory</summary>
internal sealed class UserDirectory(UserSearch users) : IEndpoints
{
    private const int UsualLimit = 10;

    private sealed record Asked(string Term, int Limit);

    public void Map(ClientRoutes routes) =>
        // v1.19 client-server-api#post_matrixclientv3user_directorysearch
        routes.Of(RouteOwner.Duty(DirectoryIndexer.Duty)).Post(
            "user_directory/search",
            Read,
            SearchAsync,
            RouteOptions.AlsoSuspended with { Rate = RateClass.Directories, OnlyReads = true, IsLarge = true });

    private static Asked Read(BodyReader body)
    {
        var limit = body.Number("limit") ?? UsualLimit;
        if (limit < 0) body.Refuse(MatrixError.InvalidParam, "`limit` must not be negative.");
        return new Asked(body.RequiredFreeText("search_term"), (int)Math.Clamp(limit, 0, int.MaxValue));
    }

    private async ValueTask<Answer> SearchAsync(Call call, Asked asked, CancellationToken stop)
    {
        var found = await users.FindAsync(call.Caller.UserId, asked.Term, asked.Limit, stop);
        return Answer.Json(found, static (json, found) =>
        {
            json.WriteBoolean("limited", found.IsLimited);
            json.WriteStartArray("results");
            foreach (var user in found.Users)
            {
                json.WriteStartObject();
                json.WriteString("user_id", user.UserId);
                if (user.DisplayName is not null) json.WriteString("display_name", user.DisplayName);
                if (user.AvatarUrl is not null) json.WriteString("avatar_url", user.AvatarUrl);
                json.WriteEndObject();
            }

            json.WriteEndArray();
        });
    }
}
