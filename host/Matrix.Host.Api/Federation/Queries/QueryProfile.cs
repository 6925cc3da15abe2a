using Matrix.Host.Api.Client;
using Matrix.Host.Api.Http;
using Matrix.Host.Api.Http.Owners;
using Matrix.Host.Users.Profiles;

namespace Matrix.Host.Api.Federation.Queries;

/// <summary>Profiles of local users. v1.19 server-server-api#querying-for-information</summary>
internal sealed class QueryProfile(UserProfiles profiles, FederationOptions server) : IFederationEndpoints
{
    private readonly record struct Query(string UserId, string? Field);

    private static readonly Answer _noField = Answer.NotFound("This user's profile has no such field.");

    // v1.19 server-server-api#get_matrixfederationv1queryprofile
    public void Map(FederationRoutes routes) => routes.Of(RouteOwner.Nobody).Get("query/profile", Read, GetAsync);

    private Query Read(QueryReader query)
    {
        var userId = query.RequiredText("user_id");
        if (!server.IsLocalUser(userId))
        {
            query.Refuse(MatrixError.InvalidParam, "`user_id` is not the id of a user of this server.");
        }

        return new Query(userId, query.Text("field"));
    }

    private async ValueTask<Answer> GetAsync(Call call, Query query, CancellationToken stop)
    {
        var viewer = ProfileViewer.OfServer(call.Peer.ServerName);
        var found = await profiles.FindAsync(viewer, query.UserId, stop);
        if (!found.IsOk) return UserAnswers.Of(found.Failure);

        var profile = found.Value;
        if (query.Field is { } field && !profile.ContainsKey(field)) return _noField;
        return Answer.Json((profile, query.Field), static (json, it) =>
        {
            foreach (var (name, value) in it.profile)
            {
                if (it.Field is not null && it.Field != name) continue;
                json.WritePropertyName(name);
                json.WriteRawValue(value.Span, skipInputValidation: true);
            }
        });
    }
}
