// What every generator of the benchmark does, as a script of k6; `-u` and `-d` give users and time.
import http from "k6/http";

export default function () {
  http.get(__ENV.URL);
}
