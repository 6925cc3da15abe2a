using Matrix.Host.Api.Http;
using Matrix.Host.Api.Http.Owners;
using Matrix.Host.Rooms.Searching;

namespace Matrix.Host.Api.Client.Search;

/// <summary>Searches in the events of rooms. v1.19 client-server-api#server-side-search</summary>
internal sealed class Search(
    MessageSearch search, SearchTokens tokens, SearchWriter writer, SearchOptions options) : IEndpoints
{
    private const int UsualLimit = 10;

    private static readonly Answer _noCategory = Answer.Prepared(static json =>
    {
        json.WriteStartObject("search_categories");
        json.WriteEndObject();
    });

    public void Map(ClientRoutes routes) =>
        // v1.19 client-server-api#post_matrixclientv3search
        routes.Of(RouteOwner.Duty(SearchIndexer.Duty)).Post(
            "search",
            SearchBody.Read,
            SearchAsync,
            RouteOptions.AlsoSuspended with { OnlyReads = true, IsLarge = true });

    private async ValueTask<Answer> SearchAsync(Call call, SearchBody? asked, CancellationToken stop)
    {
        SearchToken? from = null;
        if (call.Query.Token("next_batch") is { } token && (from = tokens.Read(token)) is null)
        {
            return Answer.InvalidParam("`next_batch` is no token of a search of this server.");
        }

        if (asked is null) return _noCategory;
        var page = await search.FindAsync(
            new SearchCriteria(
                call.Caller.UserId,
                asked.Term,
                asked.Keys,
                asked.Filter,
                Math.Max(1, asked.Filter.Limit(UsualLimit, options.PageHits)),
                asked.ByRank,
                from),
            stop);
        return Answer.InSteps(call, async (response, stop) =>
        {
            await writer.WriteAsync(response, asked, page, from?.Group, call.Caller.Device, stop);
            return null;
        });
    }
}
